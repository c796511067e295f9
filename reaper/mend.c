/* The program `mender`: gives a running subhost back what was unmounted inside, its device nodes and its host name, and
 * the machine the root that it keeps. Also reads what only the kernel's own calls tell. */
#include "boot.h"
#include "ids.h"
#include "modes.h"
#include "process.h"
#include "text.h"

ENTRY_POINT;

__attribute__((noreturn, used)) void enter(long *stack);

enum { FIXED_WORDS = 4, ROOT_WORDS = 4, NAMESPACES = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS };

static bool is_masked(const char *point) { return starts_with(point, "/proc/") || starts_with(point, "/sys/"); }

static void mount_point(int root, const char *point, const struct spec *spec) {
    struct mount_attr writable = {.attr_clr = MOUNT_ATTR_RDONLY}, without_devices = {.attr_set = MOUNT_ATTR_NODEV};
    if (same(point, "/")) must(spec->mark, "mount_setattr", sys_mount_setattr(root, AT_EMPTY_PATH, &writable), "/");
    if (same(point, "nodev"))
        must(spec->mark, "mount_setattr", sys_mount_setattr(root, AT_EMPTY_PATH, &without_devices), "/");
    if (same(point, "/proc")) mount_proc(root, spec->mark);
    if (same(point, "/sys")) mount_sysfs(root, false, spec->mark);
    if (same(point, "/sys rw")) mount_sysfs(root, true, spec->mark);
    struct mount_attr inert = {.attr_set = MOUNT_ATTR_NOEXEC};
    if (same(point, "/dev"))
        must(spec->mark, "mount_setattr", sys_mount_setattr(mount_dev(root, spec->mark), AT_EMPTY_PATH, &inert), "/dev");
    if (same(point, "/dev/pts")) mount_pts(root, spec->first_id, spec->mark);
    if (same(point, "/dev/shm")) mount_shm(root, spec->mark);
    if (is_masked(point)) mask_inside(root, point, spec->mark);
}

/* Of these names there is something else, or nothing. */
static void renew_nodes(int root, int count, char **name, const char *mark) {
    int dev = (int)must(mark, "open", open_below(root, "dev", O_PATH | O_DIRECTORY, 0), "/dev");
    for (int i = 0; i < count; i++) {
        long error = sys_unlinkat(dev, name[i]);
        must(mark, "unlink", error == -ENOENT ? 0 : error, name[i]);
    }
    fill_dev(dev, mark);
}

__attribute__((noreturn)) static void put_right(int root, unsigned first_id, int count, char **word) {
    struct spec spec = {.mark = word[2], .hostname = word[3], .first_id = first_id};
    sys_umask(0);
    must(spec.mark, "sethostname", sys_sethostname(spec.hostname, length_of(spec.hostname)), spec.hostname);
    int at = FIXED_WORDS;
    int nodes = at;
    while (nodes < count && !same(word[nodes], "nodes")) nodes++;
    for (; at < nodes && !is_masked(word[at]); at++) mount_point(root, word[at], &spec);
    /* Before what is masked by one of them. */
    if (nodes < count) renew_nodes(root, count - nodes - 1, word + nodes + 1, spec.mark);
    for (; at < nodes; at++) mount_point(root, word[at], &spec);
    sys_exit(DONE);
}

/* WORD: PID TICKS MARK HOSTNAME, then mount points and masked places, `/` (is made writable) and `nodev` (no device
 * node of the root is one), what lies deeper later; then `nodes NAME...`, what is to be made anew in /dev. A mount of
 * proc shows the pid namespace of who makes it: hence the child. */
static int mend_inside(int count, char **word) {
    int status = 0;
    unsigned first_id;
    if (count < FIXED_WORDS) return USAGE;
    const char *mark = word[2];
    int pidfd = (int)must(mark, "open", open_process(word[0], word[1]), "");
    must(mark, "userns", read_ids(word[0], &first_id), "");
    must(mark, "userns", own_files_as(first_id), "");
    /* Nobody inside may look into it. */
    sys_prctl(PR_SET_DUMPABLE, 0, 0);
    must(mark, "setns", sys_setns(pidfd, NAMESPACES), "");
    int root = enter_mounts(pidfd, mark);
    struct clone_args args = {.exit_signal = SIGCHLD};
    long child = must(mark, "clone", sys_clone3(&args), "");
    if (child == 0) put_right(root, first_id, count, word);
    if (sys_wait4(child, &status, __WALL) < 0 || status) return FAILED;
    write_word(1, mark, "ok");
    return DONE;
}

/* WORD: PID TICKS MARK LIVE: mounts the root of that process, and nothing below it, at LIVE. */
static int mend_root(int count, char **word) {
    if (count != ROOT_WORDS) return USAGE;
    const char *mark = word[2], *live = word[3];
    int pidfd = (int)must(mark, "open", open_process(word[0], word[1]), "");
    int machine = (int)must(mark, "open", sys_openat(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC, 0), "");
    enter_mounts(pidfd, mark);
    int tree = (int)must(mark, "open_tree", sys_open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), "/");
    must(mark, "setns", sys_setns(machine, CLONE_NEWNS), "");
    int target = (int)must(mark, "live", sys_openat(AT_FDCWD, live, O_PATH | O_DIRECTORY | O_CLOEXEC, 0), live);
    must(mark, "move_mount", sys_move_mount(tree, target), live);
    write_word(1, mark, "ok");
    return DONE;
}

/* WORD: PID. Its host name; of a process that has ended there is none. */
static int tell_name(int count, char **word) {
    struct names names;
    if (count != 1) return USAGE;
    long uts = open_proc_file(word[0], "ns/uts", O_RDONLY);
    if (uts < 0 || !enter_names((int)uts, &names)) return FAILED;
    write_word(1, "name", names.host);
    return DONE;
}

/* What overlayfs has noted on files of an upper directory: `y|x|whiteout PATH`. A directory with `y` hides
 * all that is below it in the lower one, one with `x` holds files that are whiteouts by their attribute. */
static int tell_overlay(int count, char **word) {
    for (int i = 0; i < count; i++) {
        char value[2] = {0};
        if (sys_lgetxattr(word[i], "trusted.overlay.opaque", value, 1) == 1)
            write_word(1, *value == 'x' ? "x" : "y", word[i]);
        else if (sys_lgetxattr(word[i], "trusted.overlay.whiteout", NULL, 0) >= 0)
            write_word(1, "whiteout", word[i]);
    }
    return DONE;
}

static int run(int count, char **word) {
    block_signal(SIGPIPE);
    report_to(1);
    if (count > 1 && same(word[1], "inside")) return mend_inside(count - 2, word + 2);
    if (count > 1 && same(word[1], "root")) return mend_root(count - 2, word + 2);
    if (count > 1 && same(word[1], "name")) return tell_name(count - 2, word + 2);
    if (count > 1 && same(word[1], "overlay")) return tell_overlay(count - 2, word + 2);
    return USAGE;
}

/* The stack at entry: argc, argv, NULL, environment, NULL (System V ABI). */
void enter(long *stack) { sys_exit(run((int)*stack, (char **)(stack + 1))); }
