/* What /proc and /sys tell of the machine, and would let root inside change of it: covered, or read-only. runc's lists and
 * /proc/kmsg. What is another filesystem's (/sys/fs/bpf, /sys/kernel/debug) does not show in a sysfs of its own. */
#include "boot.h"
#include "text.h"

enum { NULL_MAJOR = 1, NULL_MINOR = 3 };

/* Covered: an empty directory that nobody can write to lies on it, or /dev/null. */
enum access { COVERED, READ_ONLY, WRITABLE };

/* What is below another comes after it: it is a mount on that one. */
static const struct place {
    const char *path;
    enum access access;
} places[] = {
    {"/proc/acpi", COVERED},
    {"/proc/asound", COVERED},
    {"/proc/bus", READ_ONLY},
    {"/proc/fs", READ_ONLY},
    {"/proc/irq", READ_ONLY},
    {"/proc/kcore", COVERED},
    {"/proc/keys", COVERED},
    {"/proc/kmsg", COVERED},
    {"/proc/latency_stats", COVERED},
    {"/proc/sched_debug", COVERED},
    {"/proc/scsi", COVERED},
    {"/proc/sys", READ_ONLY},
    {"/proc/sys/net", WRITABLE}, /* settings of its own network namespace */
    {"/proc/sysrq-trigger", READ_ONLY},
    {"/proc/timer_list", COVERED},
    {"/proc/timer_stats", COVERED},
    {"/sys/devices/virtual/powercap", COVERED},
    {"/sys/firmware", COVERED},
};

static unsigned type_of(int fd, struct statx *status) {
    return sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, status) < 0 ? 0 : status->stx_mode & S_IFMT;
}

/* Root of a subhost that runs may have put something else there (CVE-2025-31133). */
static int open_null(int root, const char *mark) {
    struct statx status;
    int null = (int)must(mark, "mask", open_below(root, "/dev/null", O_PATH | O_NOFOLLOW, 0), "/dev/null");
    bool is_null = type_of(null, &status) == S_IFCHR && status.stx_rdev_major == NULL_MAJOR && status.stx_rdev_minor == NULL_MINOR;
    must(mark, "mask", is_null ? 0 : -ENXIO, "/dev/null");
    return null;
}

static int clone_mount(int fd, const char *path, const char *mark) {
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
    return (int)must(mark, "open_tree", sys_open_tree(fd, "", flags), path);
}

/* One for all directories: once it is mounted, it can be cloned. */
static int empty = -1;

static int make_cover(int root, int place, const char *path, const char *mark) {
    struct statx status;
    if (type_of(place, &status) == S_IFDIR) {
        if (empty >= 0) return clone_mount(empty, path, mark);
        return empty = make_empty(mark);
    }
    int null = open_null(root, mark), cover = clone_mount(null, path, mark);
    sys_close(null);
    return cover;
}

/* mount_setattr is younger than our oldest kernel; the fresh /proc gives the descriptor a path. A clone of what is
 * read-only is read-only too. */
static long set_access(int mount, enum access access) {
    bool is_read_only = access != WRITABLE;
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_NOEXEC | (is_read_only ? MOUNT_ATTR_RDONLY : 0),
                                    .attr_clr = is_read_only ? 0 : MOUNT_ATTR_RDONLY};
    long error = sys_mount_setattr(mount, AT_EMPTY_PATH, &attributes);
    if (error != -ENOSYS) return error;
    struct line path;
    clear_line(&path);
    add_text(&path, "/proc/self/fd/");
    add_number(&path, mount);
    unsigned long flags = MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    return sys_mount(NULL, as_path(&path), flags | (is_read_only ? MS_RDONLY : 0));
}

/* Not every kernel has all of them. */
static void mask_place(int root, const struct place *what, const char *mark) {
    long place = open_below(root, what->path, O_PATH | O_NOFOLLOW, 0);
    if (place == -ENOENT) return;
    must(mark, "mask", place, what->path);
    int mount = what->access == COVERED ? make_cover(root, (int)place, what->path, mark) : clone_mount((int)place, what->path, mark);
    must(mark, "move_mount", sys_move_mount(mount, (int)place), what->path);
    must(mark, "access", set_access(mount, what->access), what->path);
    if (mount != empty) sys_close(mount);
    sys_close((int)place);
}

void mask_inside(int root, const char *path, const char *mark) {
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (!path || same(path, places[i].path)) mask_place(root, &places[i], mark);
}
