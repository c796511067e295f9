/* The lock of a run: see lock.c. Errors are negative errnos. */
#ifndef LOCK_H
#define LOCK_H

#include "sys.h"

enum { LOCK_FD = 3 };

/* Of the file that is open as LOCK_FD; it does not wait. */
long take_lock(void);
/* Says {"lock":ERRNO}; true: it is ours. */
bool tell_lock(long error);
/* The descriptor FD of a process becomes ours as well, as LOCK_FD. */
long share_file(int64_t pid, int64_t fd);

#endif
