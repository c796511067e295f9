/* reaper boot: starts many subhosts, then passes on which of them may go. */
#include "boot.h"

#include "modes.h"
#include "process.h"
#include "text.h"

/* The writing end of each subhost's commit pipe, or -1. */
static int commit_fd[MAX_ITEMS];
static long child[MAX_ITEMS];
/* The mount namespace from which subhosts are started, or -1: the machine's. For a few it would cost more than it saves. */
static int slim = -1;
enum { SLIM_FROM = 8 };

/* The child sees these pipes for a moment: it must let go of every writing end, its own and its
 * siblings', or the end-of-file that tells an uncommitted child to die would never come. */
__attribute__((noreturn)) static void start_child(struct spec *spec, int commit) {
    long spare = sys_fcntl(commit, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    sys_dup3(1, STATUS_FD, O_CLOEXEC);
    sys_dup3((int)spare, COMMIT_FD, O_CLOEXEC);
    if (slim > END_FD) must(spec->mark, "close_range", sys_close_range(END_FD, (unsigned)slim - 1), "");
    must(spec->mark, "close_range", sys_close_range(slim < 0 ? END_FD : (unsigned)slim + 1, ~0U), "");
    must(spec->mark, "dup", spare, "");
    join_groups(spec->groups, spec->mark);
    go_inside(spec, slim);
}

static long clone_into(struct spec *spec, int cgroup, int commit) {
    struct clone_args args = {
        /* No CLONE_NEWCGROUP: the root of that namespace would be the parent's cgroup. */
        .flags = (slim < 0 ? CLONE_NEWNS : 0) | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_INTO_CGROUP,
        .exit_signal = SIGCHLD,
        .cgroup = (uint64_t)cgroup,
    };
    long pid = sys_clone3(&args);
    if (pid == 0) start_child(spec, commit);
    return pid;
}

static void write_pid(const char *mark, long pid) {
    struct line line;
    clear_line(&line);
    add_text(&line, mark);
    add_text(&line, " pid ");
    add_number(&line, pid);
    write_line(&line, 1);
}

/* The writing end of the new subhost's commit pipe, or a negative errno that has been reported. */
static int start_one(struct spec *spec, long *child_pid) {
    int pipe[2];
    long cgroup = open_cgroup(spec->groups);
    if (cgroup < 0) {
        write_error(1, spec->mark, "cgroup", cgroup, spec->groups);
        return (int)cgroup;
    }
    long error = sys_pipe2(pipe, O_CLOEXEC);
    if (error < 0) {
        write_error(1, spec->mark, "pipe", error, "");
        sys_close((int)cgroup);
        return (int)error;
    }
    long pid = clone_into(spec, (int)cgroup, pipe[0]);
    sys_close((int)cgroup);
    sys_close(pipe[0]);
    if (pid > 0) {
        write_pid(spec->mark, pid);
        *child_pid = pid;
        return pipe[1];
    }
    write_error(1, spec->mark, "clone", pid, spec->groups);
    sys_close(pipe[1]);
    return (int)pid;
}

static int start_all(int count, char **word) {
    struct spec spec;
    int status = DONE;
    raise_file_limit();
    for (int at = 0, i = 0; at <= count; i++) {
        int length = length_of_spec(count - at, word + at);
        parse_spec(&spec, length, word + at);
        commit_fd[i] = start_one(&spec, &child[i]);
        if (commit_fd[i] < 0) status = FAILED;
        at += length + 1;
    }
    return status;
}

/* Reads one line a byte at a time: the few commits of a run are not worth a buffer. */
static bool read_line(char *text, size_t size) {
    size_t length = 0;
    char c;
    while (length < size - 1 && sys_read(0, &c, 1) == 1) {
        if (c == '\n') {
            text[length] = 0;
            return true;
        }
        text[length++] = c;
    }
    return false;
}

static int commit(int index) {
    long error = commit_fd[index] < 0 ? -EBADF : sys_write(commit_fd[index], "+", 1);
    if (commit_fd[index] >= 0) sys_close(commit_fd[index]);
    commit_fd[index] = -1;
    return error == 1 ? DONE : FAILED;
}

/* "MARK ended": whoever counts those that go through their lists must not count on it any more. */
static void report_ended(int specs, char **word) {
    int how;
    for (long pid; (pid = sys_wait4(-1, &how, WNOHANG)) > 0;)
        for (int i = 0; i < specs; i++) {
            if (child[i] != pid) continue;
            write_word(1, mark_of(i, word), "ended");
            if (commit_fd[i] >= 0) sys_close(commit_fd[i]);
            commit_fd[i] = -1;
        }
}

static bool is_any_waiting(int specs) {
    for (int i = 0; i < specs; i++)
        if (commit_fd[i] >= 0) return true;
    return false;
}

/* The next line, while children that end are reported. */
static bool next_line(int specs, char **word, int signals, char *text, size_t size) {
    struct pollfd poll[2] = {{.fd = 0, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    char info[128]; /* struct signalfd_siginfo */
    for (;;) {
        if (!is_any_waiting(specs) || sys_ppoll(poll, 2, NULL) < 0) return false;
        if (poll[1].revents) {
            sys_read(signals, info, sizeof info);
            report_ended(specs, word);
        }
        if (poll[0].revents) return read_line(text, size);
    }
}

/* Until end-of-file, or until nobody waits any more. */
static int commit_all(int specs, char **word, int signals) {
    char text[16];
    int64_t index;
    int status = DONE;
    while (next_line(specs, word, signals, text, sizeof text)) {
        if (!parse_number(text, &index) || index >= specs) return USAGE;
        if (commit((int)index) == DONE) continue;
        write_error(1, mark_of((int)index, word), "commit", -EPIPE, "");
        status = FAILED;
    }
    return status;
}

/* Descriptors 0-2 exist from here on, nothing above them does. */
static long close_inherited(void) {
    long fd;
    do fd = sys_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
    while (fd >= 0 && fd < 3);
    return fd < 0 ? fd : sys_close_range(3, ~0U);
}

int boot(int count, char **word) {
    set_environment(word + count + 1);
    int specs = count_specs(count, word);
    if (specs < 1) return USAGE;
    long error = close_inherited();
    if (error < 0) {
        write_error(1, word[0], "close_range", error, "");
        return FAILED;
    }
    const signal_set ended = (signal_set)1 << (SIGCHLD - 1);
    block_signal(SIGCHLD);
    int signals = (int)sys_signalfd4(-1, &ended, O_CLOEXEC);
    if (specs >= SLIM_FROM) slim = (int)make_slim();
    int status = start_all(count, word);
    int later = commit_all(specs, word, signals);
    return later ? later : status;
}
