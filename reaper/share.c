/* Directories and files of the machine that a subhost sees too: at boot, and in a running subhost. */
#include "boot.h"
#include "ids.h"
#include "modes.h"
#include "process.h"
#include "text.h"

enum { ADD_WORDS = 4, REMOVE_WORDS = 2, FIXED_WORDS = 2 };

bool parse_share(struct share *share, char **word) {
    bool device = same(word[2], "dev");
    *share = (struct share){word[0], word[1], device || same(word[2], "ro"), device};
    return share->read_only || same(word[2], "rw");
}

static unsigned type_of(int fd) {
    struct statx status;
    return sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &status) < 0 ? 0 : status.stx_mode & S_IFMT;
}

static bool is_directory(int fd) { return type_of(fd) == S_IFDIR; }

static void must_be_device(int fd, const struct share *share, const char *mark) {
    unsigned type = type_of(fd);
    must(mark, "device", type == S_IFCHR || type == S_IFBLK ? 0 : -ENODEV, share->source);
}

int open_share(const struct share *share, const char *mark) {
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (share->device ? AT_SYMLINK_NOFOLLOW : 0);
    int tree = (int)must(mark, "share", sys_open_tree(AT_FDCWD, share->source, flags), share->source);
    if (share->device) must_be_device(tree, share, mark);
    /* No device node of the machine's becomes usable by being shared, unless it is meant. */
    struct mount_attr attributes = {.attr_set = share->device ? MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC : MOUNT_ATTR_NODEV};
    if (share->read_only) attributes.attr_set |= MOUNT_ATTR_RDONLY;
    must(mark, "mount_setattr", sys_mount_setattr(tree, AT_EMPTY_PATH, &attributes), share->source);
    return tree;
}

static int make_parent(int at, const char *name, const char *mark) {
    long error = sys_mkdirat(at, name, 0755);
    must(mark, "share", error == -EEXIST ? 0 : error, name);
    int next = (int)must(mark, "share", open_below(at, name, O_PATH | O_DIRECTORY, 0), name);
    sys_close(at);
    return next;
}

static int make_last(int at, const char *name, bool directory, const char *mark) {
    if (directory) return make_parent(at, name, mark);
    long fd = sys_openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd >= 0) sys_close((int)fd);
    must(mark, "share", fd == -EEXIST ? 0 : fd, name);
    int target = (int)must(mark, "share", open_below(at, name, O_PATH | O_NOFOLLOW, 0), name);
    must(mark, "share", is_directory(target) ? -EISDIR : 0, name);
    sys_close(at);
    return target;
}

/* Makes TARGET below ROOT, piece by piece: a symlink on the way is refused, not followed. */
static int make_target(int root, const char *target, bool directory, const char *mark) {
    char name[256];
    int at = (int)must(mark, "share", open_below(root, "/", O_PATH | O_DIRECTORY, 0), "/");
    while (*target == '/') target++;
    for (;;) {
        size_t length = 0;
        while (target[length] && target[length] != '/') length++;
        must(mark, "share", length == 0 || length >= sizeof name ? -ENAMETOOLONG : 0, target);
        for (size_t i = 0; i < length; i++) name[i] = target[i];
        name[length] = 0;
        for (target += length; *target == '/'; target++) {
        }
        if (!*target) return make_last(at, name, directory, mark);
        at = make_parent(at, name, mark);
    }
}

void place_share(int root, int tree, const struct share *share, const char *mark) {
    int target = make_target(root, share->target, is_directory(tree), mark);
    must(mark, "share", sys_move_mount(tree, target), share->target);
    sys_close(target);
    sys_close(tree);
}

/* umount2(2) takes a name, and a name could lead elsewhere by now: so the name is that of the descriptor, in the
 * machine's /proc. Detached, as that descriptor keeps it busy. */
static void unmount(int target, int proc, const char *pid, const char *name) {
    struct line path;
    clear_line(&path);
    add_text(&path, "self/fd/");
    add_number(&path, target);
    must(pid, "fchdir", sys_fchdir(proc), "/proc");
    must(pid, "umount", sys_umount2(as_path(&path), MNT_DETACH), name);
}

static void add_one(int pidfd, const char *pid, char **word) {
    struct share share;
    unsigned first_id;
    parse_share(&share, word + 1);
    int tree = open_share(&share, pid);
    must(pid, "userns", read_ids(pid, &first_id), "");
    must(pid, "userns", own_files_as(first_id), "");
    int root = enter_mounts(pidfd, pid);
    sys_umask(0);
    place_share(root, tree, &share, pid);
}

/* What a device was mounted on: left there it would look like one. */
static void remove_name(int root, const char *path) {
    struct line parent;
    const char *last = path;
    for (const char *c = path; *c; c++)
        if (*c == '/') last = c + 1;
    clear_line(&parent);
    add_text(&parent, path);
    parent.length = (size_t)(last - path);
    long folder = as_path(&parent) ? open_below(root, parent.text, O_PATH | O_DIRECTORY, 0) : -ENAMETOOLONG;
    if (folder >= 0) sys_unlinkat((int)folder, last);
}

static void remove_one(int pidfd, const char *pid, char **word) {
    int proc = (int)must(pid, "open", sys_openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), "/proc");
    int root = enter_mounts(pidfd, pid);
    int target = (int)must(pid, "share", open_below(root, word[1], O_PATH | O_NOFOLLOW, 0), word[1]);
    unmount(target, proc, pid, word[1]);
    sys_close(target);
    if (starts_with(word[1], "/dev/")) remove_name(root, word[1]);
}

/* WORD: PID TICKS, then `add SOURCE TARGET rw|ro|dev` or `remove TARGET`. */
int share(int count, char **word) {
    char **order = word + FIXED_WORDS;
    bool adds = count == FIXED_WORDS + ADD_WORDS && same(order[0], "add");
    if (!adds && !(count == FIXED_WORDS + REMOVE_WORDS && same(order[0], "remove"))) return USAGE;
    report_to(1);
    int pidfd = (int)must(word[0], "open", open_process(word[0], word[1]), "");
    if (adds)
        add_one(pidfd, word[0], order);
    else
        remove_one(pidfd, word[0], order);
    write_word(1, word[0], "ok");
    return DONE;
}
