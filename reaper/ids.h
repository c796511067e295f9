/* Ids of a subhost's own: its user namespace, whose ids 0 to 65535 are the machine's from FIRST on. FIRST 0: it has none, its
 * root is the machine's. */
#ifndef IDS_H
#define IDS_H

#include "sys.h"

/* A new user namespace with these ids; or, if NET, a network namespace that belongs to such a one. FIRST owns it, which tells
 * its ids to whoever has a namespace that belongs to it. A descriptor, or a negative errno. */
long make_ids(unsigned first, bool net);
/* The user namespace to which a namespace belongs: a descriptor. FIRST: of its ids, 1 if it is none of ours. */
long open_owner(int namespace, unsigned *first);
/* FIRST of what a process runs in; 1 if it is none of ours. */
long read_ids(const char *pid, unsigned *first);
/* What is made from here on belongs to root inside. The privileges of this process stay. */
long own_files_as(unsigned first);
/* From here on this process is root of that user namespace, and nobody outside of it. */
void join_ids(int userns, const char *mark);

#endif
