/* The root of a subhost with ids of its own. What is on disk in its lower layers belongs to the machine's users, and is shown to
 * overlayfs as that of its own ones; upper belongs to them as it is. Overlayfs looks its layers up by path, so they are
 * mounted for a moment, in a mount namespace that nobody else is in. Their paths there are what /proc/mounts shows of
 * the root later, and so tell the ids: /run/ob/userns/FIRST/hide/NAME for /run/ob/hide/NAME, and
 * /run/ob/userns/FIRST/tree/PATH for /PATH. */
#include "ids.h"
#include "process.h"
#include "roots.h"
#include "text.h"

#define FOLDER "/run/ob"
/* Where filesystems of images and disks are: an upper directory may be in one. */
#define DISKS FOLDER "/disk"

/* What the layers are called as long as they are on their way. */
struct layers {
    int mask, tree; /* mounts that are nowhere yet; MASK -1: there is none */
    struct line mask_path, tree_path;
};

static int machine = -1, own = -1;

/* All that is mounted on disks, as mounts that are nowhere yet; DISKS -1: there are none. */
static bool clone_disks(int *disks, struct failure *failure) {
    *disks = (int)sys_open_tree(AT_FDCWD, DISKS, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    return *disks == -ENOENT || did(failure, DISKS, *disks);
}

static bool attach(int mount, const char *path, const char *step, struct failure *failure) {
    int target = (int)sys_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    bool fine = did(failure, step, target) && did(failure, step, sys_move_mount(mount, target));
    if (target >= 0) sys_close(target);
    return fine;
}

/* A folder that is empty but for disks, in which all paths can be made. */
static bool cover_folder(struct failure *failure) {
    int disks;
    if (!clone_disks(&disks, failure)) return false;
    int fs = (int)sys_fsopen("tmpfs"), mount = did(failure, "tmpfs", fs) ? finish(fs, true, 0, failure) : -1;
    bool fine = mount >= 0 && attach(mount, FOLDER, FOLDER, failure);
    if (fine && disks >= 0)
        fine = did(failure, DISKS, sys_mkdirat(AT_FDCWD, DISKS, 0700)) && attach(disks, DISKS, DISKS, failure);
    if (mount >= 0) sys_close(mount);
    if (disks >= 0) sys_close(disks);
    return fine;
}

/* A private one, with that folder. Made once: it is a copy of all mounts. */
static bool enter_own(struct failure *failure) {
    if (own >= 0) return did(failure, "setns", sys_setns(own, CLONE_NEWNS));
    machine = (int)sys_openat(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC, 0);
    if (!did(failure, "namespace", machine) || !did(failure, "unshare", sys_unshare(CLONE_NEWNS))) return false;
    if (!did(failure, "private", sys_mount(NULL, "/", MS_REC | MS_PRIVATE)) || !cover_folder(failure)) return false;
    own = (int)sys_openat(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC, 0);
    return did(failure, "namespace", own);
}

/* PATH as a person knows it: it tells what cannot be shown so, and most often that is its filesystem. */
static int clone_mapped(const char *path, int userns, struct failure *failure) {
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns};
    int tree = (int)sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (!did(failure, "open_tree", tree)) return -1;
    if (did(failure, "idmap", sys_mount_setattr(tree, AT_EMPTY_PATH, &attributes))) return tree;
    for (size_t i = 0; path[i] && i < sizeof failure->words - 1; i++) failure->words[i] = path[i];
    sys_close(tree);
    return -1;
}

static void add_path(struct line *line, const char *first, const char *rest) {
    clear_line(line);
    add_text(line, FOLDER "/userns/");
    add_text(line, first);
    add_text(line, rest);
}

/* LOWER: `LAYER:TREE` or `TREE`. */
static bool clone_layers(struct layers *layers, const char *lower, const char *first, int userns, struct failure *failure) {
    static struct line mask;
    const char *tree = lower;
    while (*tree && *tree != ':') tree++;
    layers->mask = -1;
    if (*tree) {
        clear_line(&mask);
        add_text(&mask, lower);
        mask.length = (size_t)(tree - lower);
        if (!did(failure, "lower", as_path(&mask) ? 0 : -ENAMETOOLONG)) return false;
        layers->mask = clone_mapped(mask.text, userns, failure);
        if (layers->mask < 0) return false;
        add_path(&layers->mask_path, first, mask.text + sizeof FOLDER - 1);
        tree++;
    } else
        tree = lower;
    layers->tree = clone_mapped(tree, userns, failure);
    add_path(&layers->tree_path, first, "/tree");
    if (tree[1]) add_text(&layers->tree_path, tree);
    return layers->tree >= 0;
}

/* Each folder on the way, below the one that is empty. */
static long make_folders(char *path) {
    for (char *c = path + sizeof FOLDER; *c; c++) {
        if (*c != '/') continue;
        *c = 0;
        long error = sys_mkdirat(AT_FDCWD, path, 0700);
        *c = '/';
        if (error < 0 && error != -EEXIST) return error;
    }
    long error = sys_mkdirat(AT_FDCWD, path, 0700);
    return error == -EEXIST ? 0 : error;
}

static bool put(int mount, struct line *path, struct failure *failure) {
    if (mount < 0) return true;
    if (!did(failure, "lower", as_path(path) ? 0 : -ENAMETOOLONG)) return false;
    if (!did(failure, "lower", make_folders(path->text))) return false;
    return attach(mount, path->text, "lower", failure);
}

static int mount_on_layers(const char *mark, struct layers *layers, char **word, struct failure *failure) {
    struct line lower;
    if (!put(layers->mask, &layers->mask_path, failure) || !put(layers->tree, &layers->tree_path, failure)) return -1;
    clear_line(&lower);
    if (layers->mask >= 0) {
        add_text(&lower, layers->mask_path.text);
        add_text(&lower, ":");
    }
    add_text(&lower, layers->tree_path.text);
    if (!did(failure, "lower", as_path(&lower) ? 0 : -ENAMETOOLONG)) return -1;
    return make_overlay(mark, lower.text, word, failure);
}

int make_mapped(const char *mark, char **word, struct failure *failure) {
    struct layers layers;
    int64_t first;
    if (!did(failure, "usage", parse_number(word[3], &first) ? 0 : -EINVAL)) return -1;
    int userns = (int)make_ids((unsigned)first, false), mount = -1;
    if (!did(failure, "userns", userns)) return -1;
    bool fine = clone_layers(&layers, word[0], word[3], userns, failure);
    sys_close(userns);
    if (fine && enter_own(failure)) mount = mount_on_layers(mark, &layers, word + 1, failure);
    if (layers.mask >= 0) sys_close(layers.mask);
    if (fine) sys_close(layers.tree);
    if (machine >= 0 && !did(failure, "setns", sys_setns(machine, CLONE_NEWNS))) sys_exit(1);
    return mount;
}
