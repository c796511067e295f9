/* reaper hide: what lies between an overlay's upper directory and its lower one, so that some of that is not seen. It is
 * on a filesystem of its own: the kernel refuses a layer that is inside another one (ELOOP). That is read-only to all but
 * this program, as what is removed from a layer shows again. */
#include "modes.h"
#include "text.h"

enum { DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, FIXED_WORDS = 2 };
enum { GONE_WORDS = 2, MORE_WORDS = 3, FOLDER_WORDS = 5, FILE_WORDS = 6 };

/* The path of what went wrong. */
static const char *culprit;

/* Not there yet: it is moved to its place once all is in it. */
static long make_filesystem(void) {
    long fs = sys_fsopen("tmpfs"), error;
    if (fs < 0) return fs;
    error = sys_fsconfig((int)fs, FSCONFIG_SET_STRING, "source", "ob-hide");
    if (error >= 0) error = sys_fsconfig((int)fs, FSCONFIG_SET_STRING, "mode", "0700");
    if (error >= 0) error = sys_fsconfig((int)fs, FSCONFIG_CMD_CREATE, NULL, NULL);
    if (error >= 0) error = sys_fsmount((int)fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    sys_close((int)fs);
    return error;
}

/* The one that is there, by a mount of our own that may write. */
static long open_filesystem(const char *point) {
    struct mount_attr writable = {.attr_clr = MOUNT_ATTR_RDONLY};
    long tree = sys_open_tree(AT_FDCWD, point, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0) return tree;
    long error = sys_mount_setattr((int)tree, AT_EMPTY_PATH, &writable);
    if (error >= 0) return tree;
    sys_close((int)tree);
    return error;
}

static long show(int mount, const char *point) {
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
    long target = sys_openat(AT_FDCWD, point, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (target < 0) return target;
    long error = sys_mount_setattr(mount, AT_EMPTY_PATH, &attributes);
    if (error >= 0) error = sys_move_mount(mount, (int)target);
    sys_close((int)target);
    return error;
}

/* MODE UID GID */
static long own(int fd, char **word) {
    int64_t mode, uid, gid;
    if (!parse_number(word[0], &mode) || !parse_number(word[1], &uid) || !parse_number(word[2], &gid)) return -EINVAL;
    long error = sys_fchown(fd, (unsigned)uid, (unsigned)gid);
    return error < 0 ? error : sys_fchmod(fd, (unsigned)mode);
}

/* Overlayfs then looks no further down for what is below it, see "opaque" in its documentation. */
static long make_opaque(int fd) { return sys_fsetxattr(fd, "trusted.overlay.opaque", "y", 1); }

static long make_folder(int root, const char *path, char **attributes, bool opaque) {
    long made = sys_mkdirat(root, path, 0700);
    if (made < 0 && made != -EEXIST) return made;
    long fd = sys_openat(root, path, DIRECTORY, 0), error = 0;
    if (fd < 0) return fd;
    if (made >= 0) error = own((int)fd, attributes);
    if (error >= 0 && opaque) error = make_opaque((int)fd);
    sys_close((int)fd);
    return error;
}

/* A character device 0/0 is a whiteout. What has become a directory by now, with something to hide in it, is emptied. */
static long make_gone(int root, const char *path) {
    long error = sys_mknodat(root, path, S_IFCHR, 0);
    if (error != -EEXIST) return error;
    long fd = sys_openat(root, path, DIRECTORY, 0);
    if (fd < 0) return 0;
    error = make_opaque((int)fd);
    sys_close((int)fd);
    return error;
}

static long write_text(int fd, const char *text) {
    long size = (long)length_of(text), written = sys_write(fd, text, (size_t)size);
    return written < 0 || written == size ? written : -ENOSPC;
}

static long make_file(int root, const char *path, char **attributes, const char *text) {
    sys_unlinkat(root, path);
    long fd = sys_openat(root, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return fd;
    long error = own((int)fd, attributes);
    if (error >= 0) error = write_text((int)fd, text);
    sys_close((int)fd);
    return error;
}

/* One argument has 128 KB at most. */
static long add_to_file(int root, const char *path, const char *text) {
    long fd = sys_openat(root, path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd < 0) return fd;
    long error = write_text((int)fd, text);
    sys_close((int)fd);
    return error;
}

static int count_words(const char *what) {
    if (same(what, "gone")) return GONE_WORDS;
    if (same(what, "more")) return MORE_WORDS;
    if (same(what, "folder") || same(what, "empty")) return FOLDER_WORDS;
    return same(what, "file") ? FILE_WORDS : 0;
}

static long make_one(int root, char **word) {
    const char *what = word[0], *path = word[1];
    culprit = path;
    if (same(what, "gone")) return make_gone(root, path);
    if (same(what, "more")) return add_to_file(root, path, word[2]);
    if (same(what, "file")) return make_file(root, path, word + 2, word[5]);
    return make_folder(root, path, word + 2, same(what, "empty"));
}

static long make_all(int root, int count, char **word) {
    int length;
    for (int at = 0; at < count; at += length) {
        length = count_words(word[at]);
        if (!length || at + length > count) return -EINVAL;
        long error = make_one(root, word + at);
        /* What it would be in is hidden as a whole already. */
        if (error < 0 && error != -ENOTDIR) return error;
    }
    return 0;
}

/* WORD: POINT new|old, then any number of `folder PATH MODE UID GID` (what is below it still shows), `empty PATH MODE UID
 * GID`, `gone PATH`, `file PATH MODE UID GID TEXT` and `more PATH TEXT`; PATH is from POINT on, a folder before what is
 * in it. What is there already stays. */
int hide(int count, char **word) {
    if (count < FIXED_WORDS) return USAGE;
    bool is_new = same(word[1], "new");
    culprit = word[0];
    sys_umask(0);
    long root = is_new ? make_filesystem() : open_filesystem(word[0]);
    long error = root < 0 ? root : make_all((int)root, count - FIXED_WORDS, word + FIXED_WORDS);
    if (error >= 0 && is_new) {
        culprit = word[0];
        error = show((int)root, word[0]);
    }
    if (error < 0)
        write_error(1, "hide", "layer", error, culprit);
    else
        write_word(1, "hide", "ok");
    return error < 0 ? FAILED : DONE;
}
