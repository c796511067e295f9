/* The lock of a run. It belongs to the open file, which is also that of whom we work for: when they are killed it is still held
 * here, for as long as a program runs that changes something. The next run would look at the machine in the middle of that. */
#include "lock.h"
#include "json.h"

enum { TRY_EXCLUSIVE = 2 | 4 }; /* LOCK_EX | LOCK_NB: <linux/fcntl.h> has them only for mandatory locks */

#define RUN_FOLDER "/run/ob"
#define LOCK_NAME RUN_FOLDER "/lock"

long take_lock(void) { return sys_flock(LOCK_FD, TRY_EXCLUSIVE); }

bool tell_lock(long error) {
    put_text("{\"lock\":");
    put_number(-error);
    put_text("}\n");
    flush_json();
    return error == 0;
}

bool is_lock_there(void) {
    struct statx ours, named;
    return sys_statx(LOCK_FD, "", AT_EMPTY_PATH, STATX_INO, &ours) >= 0 &&
           sys_statx(AT_FDCWD, LOCK_NAME, AT_SYMLINK_NOFOLLOW, STATX_INO, &named) >= 0 && ours.stx_ino == named.stx_ino;
}

void remove_lock(void) {
    if (!is_lock_there()) return;
    sys_unlinkat(AT_FDCWD, LOCK_NAME);
    sys_rmdirat(AT_FDCWD, RUN_FOLDER);
}
