/* A mount namespace with next to nothing in it. Every new mount namespace is a copy of the one that its maker is in, and goes
 * through all of that once more when it lets go of it. The machine's has a mount for each root and for each named network
 * namespace: for many subhosts that is work in the square of their number. So these are started from this one. */
#include "boot.h"
#include "modes.h"
#include "text.h"

static long make_filesystem(void) {
    long fs = sys_fsopen("tmpfs");
    if (fs < 0) return fs;
    long error = sys_fsconfig((int)fs, FSCONFIG_SET_STRING, "mode", "755");
    if (error >= 0) error = sys_fsconfig((int)fs, FSCONFIG_CMD_CREATE, NULL, NULL);
    long mount = error < 0 ? error : sys_fsmount((int)fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    sys_close((int)fs);
    return mount;
}

/* In a copy of the machine's: nothing but one empty folder, SLIM_ROOT. */
static long leave_all(int mount) {
    long error = sys_mount(NULL, "/", MS_REC | MS_PRIVATE);
    if (error >= 0) error = sys_mkdirat(mount, SLIM_ROOT, 0755);
    if (error < 0) return error;
    long root = sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (root < 0) return root;
    error = sys_move_mount(mount, (int)root);
    sys_close((int)root);
    if (error >= 0) error = sys_fchdir(mount);
    if (error >= 0) error = sys_pivot_root(".", ".");
    return error < 0 ? error : sys_umount2(".", MNT_DETACH);
}

/* Back with the mounts that we came from, and with the same root directory. */
static long return_to(int machine, int root) {
    long error = sys_setns(machine, CLONE_NEWNS);
    if (error >= 0) error = sys_fchdir(root);
    return error < 0 ? error : sys_chroot(".");
}

long make_slim(void) {
    long machine = sys_openat(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC, 0);
    long root = sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    long mount = make_filesystem(), slim = -ENOSYS;
    if (machine < 0 || root < 0 || mount < 0 || sys_unshare(CLONE_NEWNS) < 0) return -ENOSYS;
    long fd = sys_openat(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC, 0);
    if (fd >= 0 && leave_all((int)mount) >= 0) slim = sys_fcntl((int)fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    long error = return_to((int)machine, (int)root);
    for (int *end = (int[]){(int)machine, (int)root, (int)mount, (int)fd, -1}; *end >= 0; end++) sys_close(*end);
    if (error >= 0) return slim;
    write_error(1, "slim", "setns", error, "");
    sys_exit(FAILED);
}
