/* reaper mount, reaper umount: roots of many subhosts in the machine's own mount namespace, with the new mount
 * calls: they take a source of our choice, no option string to escape, and give the kernel's own words when they fail. */
#include "roots.h"

#include "modes.h"
#include "text.h"

enum { OVERLAY_WORDS = 7, MAPPED_WORDS = 8, BIND_WORDS = 5, SETUP_WORDS = 5, WORDS_TO_UNMOUNT = 3, AT_A_TIME = 8 };
enum { DIRECTORY = O_PATH | O_DIRECTORY | O_CLOEXEC };

/* What the filesystem has to say, fsopen(2): "e WORDS", one message a read. */
static void take_words(int fs, struct failure *failure) {
    long size = sys_read(fs, failure->words, sizeof failure->words - 1);
    if (size < 0) size = 0;
    while (size && failure->words[size - 1] == '\n') size--;
    failure->words[size] = 0;
}

bool did(struct failure *failure, const char *step, long result) {
    if (result >= 0) return true;
    failure->step = step;
    failure->error = result;
    return false;
}

bool set(int fs, const char *key, const char *value, struct failure *failure) {
    return did(failure, key, sys_fsconfig(fs, FSCONFIG_SET_STRING, key, value));
}

int finish(int fs, bool fine, unsigned attributes, struct failure *failure) {
    long mount = -1;
    fine = fine && did(failure, "mount", sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL));
    fine = fine && did(failure, "mount", mount = sys_fsmount(fs, attributes));
    if (!fine) take_words(fs, failure);
    sys_close(fs);
    return fine ? (int)mount : -1;
}

/* Overlayfs makes a folder of its own in the work directory. Where it cannot, as on a filesystem that is full, the overlay is
 * read-only, and only the kernel's log says why (ovl_make_workdir): so the same is tried. */
static bool is_writable(int overlay, const char *work, struct failure *failure) {
    struct statfs now;
    if (!did(failure, "mount", sys_fstatfs(overlay, &now))) return false;
    if (!(now.f_flags & ST_RDONLY)) return true;
    int folder = (int)sys_openat(AT_FDCWD, work, DIRECTORY, 0);
    long error = folder < 0 ? folder : sys_mkdirat(folder, "work", 0);
    if (folder >= 0) sys_close(folder);
    return did(failure, "work", error < 0 && error != -EEXIST ? error : -EROFS);
}

int make_overlay(const char *mark, const char *lower, char **word, struct failure *failure) {
    int fs = (int)sys_fsopen("overlay");
    if (!did(failure, "overlay", fs)) return -1;
    bool fine = set(fs, "source", mark, failure) && set(fs, "lowerdir", lower, failure) &&
                set(fs, "upperdir", word[0], failure) && set(fs, "workdir", word[1], failure) &&
                /* Nothing of ours makes one: in an upper that came from elsewhere it would show another folder of the lower. */
                set(fs, "redirect_dir", "nofollow", failure);
    int overlay = finish(fs, fine, MOUNT_ATTR_NODEV, failure);
    if (overlay < 0 || is_writable(overlay, word[1], failure)) return overlay;
    sys_close(overlay);
    return -1;
}

/* A bind mount shows the source of its filesystem and can have no other: this lies beneath it and carries the mark. */
static int make_marker(const char *mark, unsigned attributes, struct failure *failure) {
    int fs = (int)sys_fsopen("tmpfs");
    if (!did(failure, "tmpfs", fs)) return -1;
    bool fine = set(fs, "source", mark, failure) && set(fs, "mode", "0700", failure) && set(fs, "size", "64k", failure);
    return finish(fs, fine, attributes, failure);
}

static bool fill(int marker, const char *text, struct failure *failure) {
    long size = (long)length_of(text);
    int file = (int)sys_openat(marker, "environment", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (!did(failure, "environment", file)) return false;
    long written = sys_write(file, text, (size_t)size);
    sys_close(file);
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
    return did(failure, "environment", written < 0 || written == size ? written : -ENOSPC) &&
           did(failure, "read-only", sys_mount_setattr(marker, AT_EMPTY_PATH, &attributes));
}

/* The same, beneath an overlay whose upper directory a program sets up: as long as it is there, that program has to be
 * run once more, in the environment that is in it. It appears all at once. */
static int make_setup(const char *mark, const char *environment, struct failure *failure) {
    int marker = make_marker(mark, 0, failure);
    if (marker < 0 || fill(marker, environment, failure)) return marker;
    sys_close(marker);
    return -1;
}

static int clone_tree(const char *path, struct failure *failure) {
    int tree = (int)sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (!did(failure, "open_tree", tree)) return -1;
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_NODEV};
    long error = sys_mount_setattr(tree, AT_EMPTY_PATH, &attributes);
    /* The call is younger than our oldest kernel. */
    if (did(failure, "nodev", error == -ENOSYS ? 0 : error)) return tree;
    sys_close(tree);
    return -1;
}

static bool attach(int mount, const char *live, struct failure *failure) {
    if (mount < 0) return false;
    int target = (int)sys_openat(AT_FDCWD, live, DIRECTORY, 0);
    bool fine = did(failure, "live", target) && did(failure, "move_mount", sys_move_mount(mount, target));
    if (target >= 0) sys_close(target);
    sys_close(mount);
    return fine;
}

static bool mount_one(char **word, struct failure *failure) {
    const char *mark = word[2], *live = word[3];
    if (same(word[0], "setup")) return attach(make_setup(mark, word[4], failure), live, failure);
    if (same(word[0], "overlay")) return attach(make_overlay(mark, word[4], word + 5, failure), live, failure);
    if (same(word[0], "mapped")) return attach(make_mapped(mark, word + 4, failure), live, failure);
    /* Made in the order in which they are stacked: since Linux 6.8 that is the order of /proc/mounts. */
    int marker = make_marker(mark, MOUNT_ATTR_RDONLY, failure);
    int tree = marker < 0 ? -1 : clone_tree(word[4], failure);
    if (tree < 0) {
        if (marker >= 0) sys_close(marker);
        return false;
    }
    if (attach(marker, live, failure)) return attach(tree, live, failure);
    sys_close(tree);
    return false;
}

static void report(const char *key, bool fine, const struct failure *failure) {
    if (fine)
        write_word(1, key, "ok");
    else
        write_error(1, key, failure->step, failure->error, failure->words);
}

static int count_words(const char *what) {
    if (same(what, "overlay")) return OVERLAY_WORDS;
    if (same(what, "mapped")) return MAPPED_WORDS;
    if (same(what, "setup")) return SETUP_WORDS;
    return same(what, "bind") ? BIND_WORDS : 0;
}

/* WORD: `overlay KEY MARK LIVE LOWER UPPER WORK`, `mapped KEY MARK LIVE LOWER UPPER WORK FIRST` (see ids.h), `bind KEY MARK LIVE UPPER` or `setup KEY MARK LIVE ENVIRONMENT`, any
 * number of times. */
int mount_roots(int count, char **word) {
    int status = DONE, length;
    for (int at = 0; at < count; at += length) {
        length = count_words(word[at]);
        if (!length || at + length > count) return USAGE;
        struct failure failure = {.step = ""};
        bool fine = mount_one(word + at, &failure);
        report(word[at + 1], fine, &failure);
        if (!fine) status = FAILED;
    }
    return status;
}

/* WORD: KEY POINT TIMES: unmounts what is mounted there, topmost first, that many times. */
static bool unmount_one(char **word, struct failure *failure) {
    int64_t times;
    if (!parse_number(word[2], &times)) return did(failure, "usage", -EINVAL);
    while (times-- > 0)
        if (!did(failure, "umount", sys_umount2(word[1], UMOUNT_NOFOLLOW))) return false;
    return true;
}

/* Does each lie beside the others, none in another? */
static bool are_apart(int count, char **word) {
    for (int i = 0; i < count; i += WORDS_TO_UNMOUNT)
        for (int other = 0; other < count; other += WORDS_TO_UNMOUNT) {
            const char *point = word[i + 1], *above = word[other + 1];
            char next = starts_with(point, above) ? point[length_of(above)] : 'x';
            if (i != other && (!next || next == '/')) return false;
        }
    return true;
}

static int unmount_some(int count, char **word, int first, int step) {
    int status = DONE;
    for (int at = first * WORDS_TO_UNMOUNT; at < count; at += step * WORDS_TO_UNMOUNT) {
        struct failure failure = {.step = ""};
        bool fine = unmount_one(word + at, &failure);
        report(word[at], fine, &failure);
        if (!fine) status = FAILED;
    }
    return status;
}

/* For each the kernel writes back what its upper directory's filesystem has to write, and waits for all processors to have gone
 * on (synchronize_rcu_expedited); those who wait at the same time wait together. */
int unmount_roots(int count, char **word) {
    int status = DONE, how;
    if (count % WORDS_TO_UNMOUNT) return USAGE;
    int workers = count < AT_A_TIME * WORDS_TO_UNMOUNT || !are_apart(count, word) ? 1 : AT_A_TIME;
    for (int i = 1; i < workers; i++) {
        long pid = sys_clone(SIGCHLD);
        if (pid == 0) sys_exit(unmount_some(count, word, i, workers));
        if (pid < 0) status |= unmount_some(count, word, i, workers);
    }
    status |= unmount_some(count, word, 0, workers);
    while (sys_wait4(-1, &how, 0) > 0) status |= how ? FAILED : DONE;
    return status;
}
