/* Below the root of a subhost nothing is reached but by descriptor: what is planted there leads nowhere. */
#include "boot.h"
#include "process.h"

long open_below(int root, const char *path, uint64_t flags, unsigned mode) {
    struct open_how how = {
        .flags = flags | O_CLOEXEC,
        .mode = mode,
        .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_IN_ROOT,
    };
    return sys_openat2(root, path, &how);
}

int enter_mounts(int pidfd, const char *pid) {
    must(pid, "setns", sys_setns(pidfd, CLONE_NEWNS), "");
    must(pid, "setns", has_ended(pidfd) ? -ESRCH : 0, "");
    return (int)must(pid, "root", sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), "/");
}
