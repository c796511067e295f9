/* Mount namespaces, of which many processes share one. */
#ifndef NAMESPACES_H
#define NAMESPACES_H

#include "sys.h"

/* The number of the mount namespace of the process whose folder PATH below AT is; 0: it has ended, or is not to be known. */
uint64_t mount_namespace(int at, const char *path);

/* Has this namespace been asked for for the first time? One that does not fit among those that are remembered is new each time. */
bool is_new_namespace(uint64_t number);

#endif
