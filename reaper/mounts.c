/* The mounts that belong to a subhost. All of them come after pivot_root, each onto a descriptor that was
 * reached without following a symlink: what is planted in an upper directory leads nowhere. */
#include "boot.h"
#include "text.h"

struct node {
    const char *name;
    unsigned major, minor;
};

struct symlink {
    const char *name, *text;
};

static const char *const no_options[] = {NULL};
/* Holds the nodes, the image of the reaper for a moment, and what daemons add (log, initctl). One page is
 * 64 KiB on some arm64 kernels. */
static const char *const dev_options[] = {"mode", "755", "size", "256k", "nr_inodes", "128", NULL};
static const char *const empty_options[] = {"mode", "555", "nr_inodes", "1", NULL};
static const char *const shm_options[] = {"mode", "1777", NULL};

enum { TTY_GROUP = 5 }; /* Debian's */

enum {
    INERT = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
    PURE_DATA = INERT | MOUNT_ATTR_NOEXEC,
};

static int open_directory(int root, const char *path, const char *mark) {
    return (int)must(mark, "target", open_below(root, path, O_PATH | O_DIRECTORY, 0), path);
}

/* Makes NAME below the directory PARENT of ROOT if it is missing, and holds it. */
static int open_target(int root, const char *parent, const char *name, const char *mark) {
    int at = open_directory(root, parent, mark);
    long error = sys_mkdirat(at, name, 0755);
    must(mark, "target", error == -EEXIST ? 0 : error, name);
    int target = open_directory(at, name, mark);
    sys_close(at);
    return target;
}

/* The source is the mark, so that mountinfo tells whose it is; every type here takes one. */
static int make_mount(const char *type, unsigned attributes, const char *const *options,
                      const char *mark) {
    int fs = (int)must(mark, "fsopen", sys_fsopen(type), type);
    must(mark, "source", sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", mark), type);
    for (; *options; options += 2)
        must(mark, "fsconfig", sys_fsconfig(fs, FSCONFIG_SET_STRING, options[0], options[1]),
             options[0]);
    must(mark, "fsconfig", sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL), type);
    int mount = (int)must(mark, "fsmount", sys_fsmount(fs, attributes), type);
    sys_close(fs);
    return mount;
}

static void attach(int mount, int target, const char *mark, const char *name) {
    must(mark, "move_mount", sys_move_mount(mount, target), name);
    sys_close(target);
}

void fill_dev(int dev, const char *mark) {
    static const struct node nodes[] = {
        {"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
        {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
    };
    static const struct symlink links[] = {
        {"fd", "/proc/self/fd"},         {"stdin", "/proc/self/fd/0"},
        {"stdout", "/proc/self/fd/1"},   {"stderr", "/proc/self/fd/2"},
        {"ptmx", "pts/ptmx"},
    };
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        unsigned device = nodes[i].major << 8 | nodes[i].minor;
        long error = sys_mknodat(dev, nodes[i].name, S_IFCHR | 0666, device);
        must(mark, "mknod", error == -EEXIST ? 0 : error, nodes[i].name);
    }
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        long error = sys_symlinkat(links[i].text, dev, links[i].name);
        must(mark, "symlink", error == -EEXIST ? 0 : error, links[i].name);
    }
}

static void mount_on(int root, const char *parent, const char *name, int mount, const char *mark) {
    attach(mount, open_target(root, parent, name, mark), mark, name);
}

static void mount_run(int root, const struct spec *spec) {
    const char *options[] = {"mode", "755", "size", spec->run_size, NULL};
    if (same(spec->run_size, "none")) return;
    int run = make_mount("tmpfs", INERT, options, spec->mark);
    mount_on(root, "/", "run", run, spec->mark);
    must(spec->mark, "mkdir", sys_mkdirat(run, "lock", 01777), "/run/lock"); /* Debian's scripts */
    sys_close(run);
}

void mount_proc(int root, const char *mark) {
    mount_on(root, "/", "proc", make_mount("proc", PURE_DATA, no_options, mark), mark);
}

void mount_sysfs(int root, bool writable, const char *mark) {
    unsigned attributes = PURE_DATA | (writable ? 0 : MOUNT_ATTR_RDONLY);
    mount_on(root, "/", "sys", make_mount("sysfs", attributes, no_options, mark), mark);
}

int make_empty(const char *mark) { return make_mount("tmpfs", PURE_DATA | MOUNT_ATTR_RDONLY, empty_options, mark); }

int mount_dev(int root, const char *mark) {
    /* Not noexec yet: the reaper's image is cloned from here, and a clone inherits the flags. */
    int dev = make_mount("tmpfs", MOUNT_ATTR_NOSUID, dev_options, mark);
    mount_on(root, "/", "dev", dev, mark);
    fill_dev(dev, mark);
    return dev;
}

/* A new instance is implied since Linux 4.7. */
void mount_pts(int root, unsigned first_id, const char *mark) {
    struct line tty;
    clear_line(&tty);
    add_number(&tty, (int64_t)first_id + TTY_GROUP);
    const char *options[] = {"mode", "620", "ptmxmode", "666", "gid", as_path(&tty), NULL};
    mount_on(root, "dev", "pts", make_mount("devpts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, options, mark), mark);
}

void mount_shm(int root, const char *mark) {
    mount_on(root, "dev", "shm", make_mount("tmpfs", INERT, shm_options, mark), mark);
}

int mount_inside(int root, const struct spec *spec) {
    mount_proc(root, spec->mark);
    mount_sysfs(root, spec->unmasked, spec->mark);
    int dev = mount_dev(root, spec->mark);
    mount_pts(root, spec->first_id, spec->mark);
    mount_shm(root, spec->mark);
    mount_run(root, spec);
    if (!spec->unmasked) mask_inside(root, NULL, spec->mark);
    return dev;
}
