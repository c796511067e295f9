/* The program that is PID 1 of a subhost. It lies within `reaper`, which writes it into each subhost; it is there once
 * per subhost, so it is a page long, needs no data segment, and runs wherever the kernel puts it. */
#include "init.h"
#include "modes.h"

ENTRY_POINT;

__attribute__((noreturn, used)) void enter(long *stack);

/* The stack at entry: argc, argv, NULL, environment, NULL (System V ABI). */
void enter(long *stack) {
    int count = (int)*stack;
    char **argv = (char **)(stack + 1);
    sys_exit(sys_getpid() == 1 ? run_init(count, argv, argv + count + 1) : USAGE);
}
