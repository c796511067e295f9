/* Entry point and choice of mode. */
#include "modes.h"
#include "process.h"
#include "text.h"

ENTRY_POINT;

__attribute__((noreturn, used)) void enter(long *stack);

static const struct {
    const char *name;
    int (*run)(int count, char **word);
} modes[] = {
    {"netns", make_netns}, {"unname", unname_netns}, {"drop-netns", drop_netns}, {"drop-links", drop_links}, {"boot", boot}, {"stop", stop}, {"retry", retry},
    {"log", show_log},
    {"exec", become_copy}, {"share", share}, {"resize", resize}, {"look", look}, {"glance", glance}, {"ahead", look_ahead}, {"configure", configure},
    {"mount", mount_roots}, {"umount", unmount_roots}, {"filter", filter}, {"hide", hide},
    {"serve", serve_programs},
};

static int run_mode(int count, char **argv) {
    /* A dead reader or a dead child at the end of a pipe is an error to report, not to die of. */
    block_signal(SIGPIPE);
    for (size_t i = 0; count > 1 && i < sizeof modes / sizeof *modes; i++)
        if (same(argv[1], modes[i].name)) return modes[i].run(count - 2, argv + 2);
    write_word(2, "usage: reaper", "netns|unname|drop-netns|drop-links|boot|stop|retry|log|exec|share|resize|look|glance|ahead|configure|mount|umount|filter|hide|serve WORD...");
    return USAGE;
}

/* The stack at entry: argc, argv, NULL, environment, NULL (System V ABI). */
void enter(long *stack) {
    int count = (int)*stack;
    char **argv = (char **)(stack + 1);
    if (count > 0 && same(argv[0], EXEC_NAME)) sys_exit(run_exec(count - 1, argv + 1));
    sys_exit(run_mode(count, argv));
}
