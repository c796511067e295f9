/* The lock of a run. It belongs to the open file, which is also that of whom we work for: when they are killed it is still held
 * here, for as long as a program runs that changes something. The next run would look at the machine in the middle of that. */
#include "lock.h"
#include "json.h"

enum { TRY_EXCLUSIVE = 2 | 4 }; /* LOCK_EX | LOCK_NB: <linux/fcntl.h> has them only for mandatory locks */

long take_lock(void) { return sys_flock(LOCK_FD, TRY_EXCLUSIVE); }

bool tell_lock(long error) {
    put_text("{\"lock\":");
    put_number(-error);
    put_text("}\n");
    flush_json();
    return error == 0;
}

long share_file(int64_t pid, int64_t fd) {
    long pidfd = sys_pidfd_open((long)pid);
    if (pidfd < 0) return pidfd;
    long shared = sys_pidfd_getfd((int)pidfd, (int)fd);
    sys_close((int)pidfd);
    if (shared < 0 || shared == LOCK_FD) return shared < 0 ? shared : 0;
    sys_dup3((int)shared, LOCK_FD, 0);
    sys_close((int)shared);
    return 0;
}
