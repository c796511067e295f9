/* dummy_service: a child for PID 1 that has no other. Ends on TERM, or when /run/dummy_service has been
 * opened for writing and closed, or a byte was written to it. */
#include "modes.h"
#include "sys.h"

#define FIFO "/run/dummy_service"

static unsigned type_of_fifo(void) {
    struct statx status;
    if (sys_statx(AT_FDCWD, FIFO, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &status) < 0) return 0;
    return status.stx_mode & S_IFMT;
}

static bool make_fifo(void) {
    long error = sys_mknodat(AT_FDCWD, FIFO, S_IFIFO | 0600, 0);
    if (error != -EEXIST) return error == 0;
    if (type_of_fifo() == S_IFIFO) return true;
    return sys_unlinkat(AT_FDCWD, FIFO) == 0 &&
           sys_mknodat(AT_FDCWD, FIFO, S_IFIFO | 0600, 0) == 0;
}

int run_dummy(void) {
    char byte;
    long fd = -1;
    sys_prctl(PR_SET_NAME, (unsigned long)"dummy_service", 0);
    if (make_fifo()) fd = sys_openat(AT_FDCWD, FIFO, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
    while (fd < 0) sys_ppoll(NULL, 0, NULL);
    sys_read((int)fd, &byte, 1);
    return DONE;
}
