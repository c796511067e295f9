/* Below the root of a subhost nothing is reached but by descriptor: what is planted there leads nowhere. */
#include "boot.h"
#include "process.h"
#include "text.h"

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

static long write_all(int fd, const char *text) {
    long size = (long)length_of(text), written = sys_write(fd, text, (size_t)size);
    return written < 0 || written == size ? written : -ENOSPC;
}

long write_file(int folder, const char *name, const char *text, unsigned mode) {
    static const char new[] = ".new.ob";
    sys_unlinkat(folder, new);
    long fd = sys_openat(folder, new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0) return fd;
    long error = write_all((int)fd, text);
    sys_close((int)fd);
    if (error >= 0) error = sys_renameat(folder, new, name);
    if (error < 0) sys_unlinkat(folder, new);
    return error;
}
