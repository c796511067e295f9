/* reaper exec: one command in a running subhost, in all of its namespaces, its cgroup and PID 1's confinement.
 *
 * Three processes. The relay stays in the machine and carries bytes and signals. The guide is born in the subhost's
 * cgroup, joins its namespaces, gives up the machine's privileges, and begets the command, which is the first of
 * them to be seen inside: as the relay's child, so that its end is told to the relay. */
#include "boot.h"
#include "ids.h"
#include "modes.h"
#include "process.h"
#include "relay.h"
#include "text.h"

enum { FIXED_WORDS = 4, NOT_EXECUTABLE = 126, NOT_FOUND = 127 };
enum { NAMESPACES = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP };

struct order {
    const char *pid, *groups;
    char **command, **env;
    int pidfd, cgroup, born, userns; /* USERNS -1: it has none of its own */
    struct confinement confinement;
    struct streams streams;
};

/* What runs inside before exec is this very file: a copy that nobody can write to (CVE-2019-5736). */
int become_copy(int count, char **word) {
    char *argv[count + 2], *env[] = {NULL};
    long program = sys_openat(AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC, 0);
    must("exec", "program", program, "/proc/self/exe");
    long made = sys_memfd_create("reaper", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    /* Before Linux 6.3 nobody knew that flag, nor needed it: memfd_create(2). */
    if (made == -EINVAL) made = sys_memfd_create("reaper", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int copy = (int)must("exec", "memfd", made, "");
    must("exec", "memfd", copy_bytes(copy, (int)program), "");
    must("exec", "memfd", sys_fcntl(copy, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), "");
    argv[0] = (char *)EXEC_NAME;
    for (int i = 0; i < count; i++) argv[i + 1] = word[i];
    argv[count + 1] = NULL;
    must("exec", "exec", sys_execveat(copy, "", argv, env, AT_EMPTY_PATH), "");
    return FAILED;
}

static long search_path(char **command, char **env) {
    static const char *const folders[] = {"/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"};
    const char *name = command[0];
    for (const char *c = name; *c; c++)
        if (*c == '/') return sys_execve(name, command, env);
    long error = -ENOENT;
    for (size_t i = 0; i < sizeof folders / sizeof *folders && (error == -ENOENT || error == -ENOTDIR); i++) {
        struct line path;
        clear_line(&path);
        add_text(&path, folders[i]);
        add_text(&path, name);
        if (as_path(&path)) error = sys_execve(path.text, command, env);
    }
    return error;
}

__attribute__((noreturn)) static void execute(struct order *order) {
    sys_setsid();
    take_streams(&order->streams, order->pid);
    /* Fails where root has no home there; "/" is where the guide is. */
    sys_chdir("/root");
    default_dispositions();
    set_mask(0);
    lower_file_limit();
    sys_umask(022);
    long error = search_path(order->command, order->env);
    write_error(STATUS_FD, order->pid, "exec", error, order->command[0]);
    sys_exit(error == -ENOENT || error == -ENOTDIR ? NOT_FOUND : NOT_EXECUTABLE);
}

__attribute__((noreturn)) static void guide(struct order *order) {
    join_groups(order->groups, order->pid);
    must(order->pid, "setns", sys_setns(order->pidfd, NAMESPACES), "");
    /* Whose namespaces were joined was alive when its start time was compared; if it still is, they are the right ones. */
    must(order->pid, "setns", has_ended(order->pidfd) ? -ESRCH : 0, "");
    if (order->userns >= 0) join_ids(order->userns, order->pid);
    confine(&order->confinement, order->pid);
    long pid = must(order->pid, "clone", sys_clone(CLONE_PARENT | SIGCHLD), "");
    if (pid == 0) execute(order);
    must(order->pid, "pipe", sys_write(order->born, &pid, sizeof pid), "");
    sys_exit(DONE);
}

/* The command's PID, or 0: what kept it from being born has been reported. */
static long beget(struct order *order) {
    int pipe[2];
    long child = 0;
    must(order->pid, "pipe", sys_pipe2(pipe, O_CLOEXEC), "");
    order->born = pipe[1];
    struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)order->cgroup};
    long pid = must(order->pid, "clone", sys_clone3(&args), "");
    if (pid == 0) guide(order);
    sys_close(pipe[1]);
    if (sys_read(pipe[0], &child, sizeof child) != sizeof child) child = 0;
    sys_close(pipe[0]);
    int status;
    sys_wait4(pid, &status, __WALL);
    return child;
}

static char *environment_entry(struct line *line, const char *name, const char *value) {
    clear_line(line);
    add_text(line, name);
    add_text(line, value);
    as_path(line);
    return line->text;
}

/* WORD: PID TICKS GROUPS TERM COMMAND... Descriptor 3 takes what went wrong before the command ran. */
int run_exec(int count, char **word) {
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    static char home[] = "HOME=/root", container[] = "container=ob";
    struct line term;
    if (count <= FIXED_WORDS) return USAGE;
    char *env[] = {path, home, container, environment_entry(&term, "TERM=", word[3]), NULL};
    struct order order = {.pid = word[0], .groups = word[2], .command = word + FIXED_WORDS, .env = env};
    block_signal(SIGPIPE);
    sys_fcntl(STATUS_FD, F_SETFD, FD_CLOEXEC);
    sys_close_range(STATUS_FD + 1, ~0U);
    /* Nobody inside may look into the guide or into the command before its exec. */
    sys_prctl(PR_SET_DUMPABLE, 0, 0);
    forget_login();
    order.pidfd = (int)must(order.pid, "open", open_process(word[0], word[1]), "");
    /* Who has been read of is who it is: that it is alive still is seen once its namespaces are joined. */
    must(order.pid, "status", read_confinement(order.pid, &order.confinement), "");
    unsigned first_id;
    must(order.pid, "userns", read_ids(order.pid, &first_id), "");
    order.userns = first_id ? (int)must(order.pid, "userns", open_proc_file(order.pid, "ns/user", O_RDONLY), "") : -1;
    must(order.pid, "userns", own_files_as(first_id), "");
    order.cgroup = (int)must(order.pid, "cgroup", open_cgroup(order.groups), order.groups);
    open_streams(&order.streams, first_id != 0, order.pid);
    long pid = beget(&order);
    return pid ? relay(&order.streams, pid) : FAILED;
}
