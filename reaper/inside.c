/* Between clone and exec: namespaces, the new root, its mounts, and the wait for the commit byte. */
#include "boot.h"
#include "ids.h"
#include "process.h"
#include "text.h"

enum { MAX_ARGS = 512, MAX_ARG_BYTES = 16384, ARGS_BEFORE_ENTRIES = 6 };

/* The argument list of PID 1: what `ob` reads of a running subhost. */
struct arguments {
    char *list[MAX_ARGS + 1];
    char text[MAX_ARG_BYTES];
};

/* Gives the user namespace that is to be joined, if it has one of its own: the one that its network belongs to. */
static int join_namespaces(const struct spec *spec) {
    const char *mark = spec->mark;
    unsigned first;
    must(mark, "setsid", sys_setsid(), "");
    long netns = sys_openat(AT_FDCWD, spec->netns, O_RDONLY | O_CLOEXEC, 0);
    must(mark, "netns", netns, spec->netns);
    must(mark, "setns", sys_setns((int)netns, CLONE_NEWNET), spec->netns);
    must(mark, "unshare", sys_unshare(CLONE_NEWCGROUP), "");
    int userns = (int)must(mark, "userns", open_owner((int)netns, &first), spec->netns);
    must(mark, "userns", first == spec->first_id ? 0 : -EXDEV, spec->netns);
    sys_close((int)netns);
    return userns;
}

/* Into a copy of SLIM, with TREE: gives the folder for it. */
static int enter_slim(int slim, const char *mark) {
    must(mark, "setns", sys_setns(slim, CLONE_NEWNS), "slim");
    must(mark, "unshare", sys_unshare(CLONE_NEWNS), "slim");
    sys_close(slim);
    return (int)must(mark, "slim", sys_openat(AT_FDCWD, "/" SLIM_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC, 0), SLIM_ROOT);
}

/* Clones LIVE, onto itself or into a copy of SLIM: it may be no mount point at all (when lower is live), and pivot_root wants
 * a mount of this namespace. Not recursive: what the machine has mounted below LIVE is not the subhost's. LIVE is looked up
 * once, and held. */
static int clone_root(const struct spec *spec, int slim) {
    /* Whatever is planted in a layer: the devices of a subhost are in /dev. A kernel before 5.12 has no such call; there
     * it is as it was mounted. */
    struct mount_attr attributes = {.attr_set = spec->unmasked ? 0 : MOUNT_ATTR_NODEV, .attr_clr = spec->unmasked ? MOUNT_ATTR_NODEV : 0};
    long live = sys_openat(AT_FDCWD, spec->live, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    must(spec->mark, "live", live, spec->live);
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
    long tree = sys_open_tree((int)live, "", flags);
    must(spec->mark, "open_tree", tree, spec->live);
    long error = sys_mount_setattr((int)tree, AT_EMPTY_PATH, &attributes);
    must(spec->mark, "mount_setattr", error == -ENOSYS ? 0 : error, spec->live);
    int place = slim < 0 ? (int)live : enter_slim(slim, spec->mark);
    must(spec->mark, "move_mount", sys_move_mount((int)tree, place), spec->live);
    sys_close((int)live);
    if (place != (int)live) sys_close(place);
    return (int)tree;
}

/* pivot_root(2), "pivot_root(".", ".")": the old root ends up stacked on the new one, where "."
 * finds it; no directory of the subhost is looked up, so no symlink planted there counts. */
static int change_root(const struct spec *spec, int slim) {
    const char *mark = spec->mark;
    /* Not where we are among the machine's own mounts still. */
    if (slim < 0) must(mark, "private", sys_mount(NULL, "/", MS_REC | MS_PRIVATE), "/");
    int tree = clone_root(spec, slim);
    must(mark, "fchdir", sys_fchdir(tree), spec->live);
    /* What is mounted inside would show in the machine too, where this is a clone of a mount that the machine shares. */
    must(mark, "private", sys_mount(NULL, ".", MS_PRIVATE), spec->live);
    must(mark, "pivot_root", sys_pivot_root(".", "."), spec->live);
    must(mark, "umount", sys_umount2(".", MNT_DETACH), "/");
    must(mark, "chdir", sys_chdir("/"), "/");
    sys_close(tree);
    return (int)must(mark, "root", sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0),
                     "/");
}

/* A device or FIFO planted in the log's place must not even be opened for writing. */
static long open_log(int root) {
    uint64_t size;
    long fd = open_below(root, "run/boot.log", O_PATH | O_NOFOLLOW, 0);
    if (fd < 0 && fd != -ENOENT) return fd;
    if (fd >= 0 && !is_regular((int)fd, &size)) return -EINVAL;
    /* Read too: its last words are kept when the subhost ends. */
    fd = open_below(root, "run/boot.log", O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW,
                    0600);
    return fd < 0 || is_regular((int)fd, &size) ? fd : -EINVAL;
}

/* The first descriptor that is opened here: it gets the first number that is free. */
static void open_end(const struct spec *spec) {
    if (!spec->end) return;
    long fd = sys_openat(AT_FDCWD, spec->end, O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0);
    must(spec->mark, "end", fd == END_FD || fd < 0 ? fd : -EBADF, spec->end);
}

/* stdin is null, stdout and stderr the log; STATUS_FD and COMMIT_FD stay, IMAGE is closed by exec. */
static void redirect(int root, int image, const char *mark) {
    long null = must(mark, "null", open_below(root, "dev/null", O_RDWR, 0), "/dev/null");
    long log = open_log(root);
    int out = (int)(log < 0 ? null : log);
    must(mark, "dup", sys_dup3((int)null, 0, 0), "");
    must(mark, "dup", sys_dup3(out, 1, 0), "");
    must(mark, "dup", sys_dup3(out, 2, 0), "");
    if (image > FIRST_FREE_FD) sys_close_range(FIRST_FREE_FD, (unsigned)image - 1);
    must(mark, "close_range", sys_close_range((unsigned)image + 1, ~0U), "");
}

/* Each entry becomes "...:ENTRY", a slot that PID 1 writes the state into. */
static void fill_arguments(struct arguments *args, struct spec *spec) {
    static char name[] = "/.reaper", runs[] = "runs:00";
    char *fixed[ARGS_BEFORE_ENTRIES] = {name,           (char *)spec->mark, spec->digest,
                                        spec->start_ms, spec->stop_ms,      runs};
    size_t used = 0;
    for (int i = 0; i < ARGS_BEFORE_ENTRIES; i++) args->list[i] = fixed[i];
    for (int i = 0; i < spec->entries; i++) {
        size_t size = length_of(spec->entry[i]) + sizeof "...:";
        bool fits = i < MAX_ARGS - ARGS_BEFORE_ENTRIES && size < 512 && used + size < MAX_ARG_BYTES;
        must(spec->mark, "entries", fits ? 0 : -E2BIG, spec->entry[i]);
        char *slot = args->list[ARGS_BEFORE_ENTRIES + i] = args->text + used;
        for (size_t c = 0; c < size; c++)
            slot[c] = c < 3 ? '.' : c == 3 ? ':' : spec->entry[i][c - 4];
        used += size;
    }
    args->list[ARGS_BEFORE_ENTRIES + spec->entries] = NULL;
}

/* A positive acknowledgement: end-of-file means that whoever started this is gone, so die. */
static void wait_for_commit(void) {
    char byte;
    if (sys_read(COMMIT_FD, &byte, 1) != 1) sys_exit(1);
    sys_close(COMMIT_FD);
}

__attribute__((noreturn)) static void become_init(struct spec *spec, int image) {
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    static char home[] = "HOME=/root", term[] = "TERM=linux", container[] = "container=ob";
    char *env[] = {path, home, term, container, NULL};
    struct arguments args;
    fill_arguments(&args, spec);
    write_word(STATUS_FD, spec->mark, "ready");
    wait_for_commit();
    /* PID 1 wants them after exec; it sets close-on-exec again at once. */
    sys_fcntl(STATUS_FD, F_SETFD, 0);
    if (spec->end) sys_fcntl(END_FD, F_SETFD, 0);
    /* With its addresses at random PID 1 would need more pages for its stack and for page tables. It takes input from
     * nobody but us, and puts that right for what it runs. Where it is forbidden, it does without. */
    sys_personality(ADDR_NO_RANDOMIZE);
    must(spec->mark, "exec", sys_execveat(image, "", args.list, env, AT_EMPTY_PATH), "/.reaper");
    sys_exit(1);
}

void go_inside(struct spec *spec, int slim) {
    const char *mark = spec->mark;
    set_mask(~(signal_set)0); /* PID 1 keeps it so; a TERM that comes early waits for it */
    default_dispositions();
    sys_umask(0);
    open_end(spec);
    int userns = join_namespaces(spec);
    forget_login();
    must(mark, "userns", own_files_as(spec->first_id), "");
    int tree[MAX_SHARES];
    for (int i = 0; i < spec->shares; i++) tree[i] = open_share(&spec->share[i], mark);
    bool lacks = lacks_interfaces(spec);
    int root = change_root(spec, slim);
    int dev = mount_inside(root, spec);
    long written = lacks ? write_interfaces(root, spec->interfaces) : 0;
    long given = spec->host_key ? write_host_key(root, spec->host_key) : 0;
    for (int i = 0; i < spec->shares; i++) place_share(root, tree[i], &spec->share[i], mark);
    must(mark, "sethostname", sys_sethostname(spec->hostname, length_of(spec->hostname)),
         spec->hostname);
    int image = place_image(root, dev, mark);
    /* All mounts are made by now, in a namespace that is the machine's: so nobody inside can make or take away any, whatever
     * rights he has there. */
    if (spec->first_id) join_ids(userns, mark);
    redirect(root, image, mark);
    /* Now that there is a log to say it in: a subhost without networking is better than none. */
    if (written < 0) write_error(1, "[ob]", "interfaces", written, "/etc/network/interfaces");
    if (given < 0) write_error(1, "[ob]", "hostkey", given, "/etc/ssh/ssh_host_ed25519_key");
    lower_file_limit();
    confine(&spec->confinement, mark);
    sys_umask(022);
    become_init(spec, image);
}
