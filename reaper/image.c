/* PID 1's program in the subhost. Each has a throw-away copy: a process inside can write through /proc/PID/exe
 * (CVE-2019-5736). And never a program that was in the subhost's root before: that would run with the machine's
 * privileges. */
#include "boot.h"

#include "process.h"
#include "text.h"

#define NAME ".reaper"

/* The program `pid1`, which the assembler has put here. */
extern const char pid1_image[], pid1_image_end[];

static void write_copy(int dev, const char *mark) {
    long size = pid1_image_end - pid1_image;
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int copy = (int)must(mark, "image", sys_openat(dev, NAME, flags, 0600), "/dev/" NAME);
    long written = must(mark, "image", sys_write(copy, pid1_image, (size_t)size), "/dev/" NAME);
    must(mark, "image", written == size ? 0 : -ENOSPC, "/dev/" NAME);
    must(mark, "image", sys_fchmod(copy, 0555), "/dev/" NAME);
    sys_close(copy); /* a file that is open for writing cannot be executed (ETXTBSY) */
}

static long look_at(int root, unsigned *type) {
    struct statx status;
    long error = sys_statx(root, NAME, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &status);
    *type = status.stx_mode & S_IFMT;
    return error;
}

/* A mount point for a file: an empty file that is made, or one that is there already; anything else
 * but a directory is removed. */
static long open_mount_point(int root) {
    unsigned type;
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    long fd = sys_openat(root, NAME, flags, 0);
    if (fd == -EEXIST && look_at(root, &type) >= 0 && type != S_IFREG) {
        if (type == S_IFDIR) return -EISDIR;
        long error = sys_unlinkat(root, NAME);
        if (error < 0) return error;
        fd = sys_openat(root, NAME, flags, 0);
    }
    if (fd < 0 && fd != -EEXIST) return fd;
    if (fd >= 0) sys_close((int)fd);
    return open_below(root, NAME, O_PATH | O_NOFOLLOW, 0);
}

/* mount_setattr is younger than our oldest kernel; the fresh /proc gives the descriptor a path. */
static long set_mount_flags(int mount, unsigned long flags) {
    struct line path;
    clear_line(&path);
    add_text(&path, "/proc/self/fd/");
    add_number(&path, mount);
    return sys_mount(NULL, as_path(&path), MS_REMOUNT | MS_BIND | flags);
}

/* On a read-only root there is no place to show it: it runs unseen, through its descriptor. */
static void show_image(int root, int image, const char *mark) {
    long target = open_mount_point(root);
    if (target == -EROFS) return;
    must(mark, "target", target, NAME);
    must(mark, "move_mount", sys_move_mount(image, (int)target), NAME);
    must(mark, "remount", set_mount_flags(image, MS_RDONLY | MS_NOSUID | MS_NODEV), NAME);
    sys_close((int)target);
}

/* The name in /dev goes last: a mount whose root has no name any more cannot be attached (ENOENT). */
int place_image(int root, int dev, const char *mark) {
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW;
    write_copy(dev, mark);
    int image = (int)must(mark, "open_tree", sys_open_tree(dev, NAME, flags), "/dev/" NAME);
    show_image(root, image, mark);
    must(mark, "unlink", sys_unlinkat(dev, NAME), "/dev/" NAME);
    must(mark, "remount", set_mount_flags(dev, MS_NOSUID | MS_NOEXEC), "/dev");
    return image;
}
