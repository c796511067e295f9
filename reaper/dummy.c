/* dummy_service: a child for PID 1 that has no other. Ends on TERM, or when /run/dummy_service has been
 * opened for writing and closed, or a byte was written to it. It goes on in PID 1's program and shares the page of it. */
#include "boot.h"
#include "init.h"
#include "modes.h"

#define FIFO "/run/dummy_service"

static const char title[] = "dummy_service";

/* Its own copy of the words that PID 1 was started with is what /proc/PID/cmdline shows: up to the first NUL if the last
 * byte of them is none, as setproctitle(3) has it. */
static void set_title(const struct init *init) {
    __builtin_memcpy(init->argv[0], title, sizeof title);
    init->env[0][-1] = '.';
    sys_prctl(PR_SET_NAME, (unsigned long)title, 0);
}

/* Anew: what is there may be anything. */
static bool make_fifo(void) {
    sys_unlinkat(AT_FDCWD, FIFO);
    return sys_mknodat(AT_FDCWD, FIFO, S_IFIFO | 0600, 0) == 0;
}

__attribute__((noreturn)) static void be_dummy(const struct init *init, bool is_made) {
    char byte;
    long fd = -1;
    set_title(init);
    sys_close_range(STATUS_FD, ~0U); /* whoever reads there waits for its end */
    if (is_made) fd = sys_openat(AT_FDCWD, FIFO, O_RDONLY | O_NOFOLLOW, 0);
    while (fd < 0) sys_ppoll(NULL, 0, NULL);
    sys_read((int)fd, &byte, 1);
    sys_exit(DONE);
}

void start_dummy(const struct init *init) {
    bool is_made = make_fifo();
    if (fork_child() == 0) be_dummy(init, is_made);
}
