/* The lock of a run: see lock.c. Errors are negative errnos. */
#ifndef LOCK_H
#define LOCK_H

#include "sys.h"

enum { LOCK_FD = 3 };

/* Of the file that is open as LOCK_FD; it does not wait. */
long take_lock(void);
/* Says {"lock":ERRNO}; true: it is ours. */
bool tell_lock(long error);
/* Who had it before us may have removed the file: then it is one that nobody else will ever see. */
bool is_lock_there(void);
/* With its folder, if nothing else is in that. For who has it. */
void remove_lock(void);

#endif
