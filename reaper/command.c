/* One start or stop command of PID 1: fork, exec, wait with a time limit. */
#include "init.h"
#include "process.h"
#include "text.h"

enum { TIMED_OUT = 124, NOT_FORKED = 125, NOT_EXECUTABLE = 126, NOT_FOUND = 127 };
enum { GROUP_LIMIT_MS = 1000 };

bool reap(struct init *init) {
    int status;
    long pid;
    while ((pid = sys_wait4(-1, &status, WNOHANG | __WALL)) > 0) {
        init->last = exit_status(status);
        if (pid != init->command) continue;
        init->command_status = init->last;
        init->command = 0;
    }
    return pid == 0;
}

static bool is_order_to_stop(long signal) {
    return signal == SIGTERM || signal == SIGINT || signal == SIGPWR;
}

long next_signal(struct init *init, signal_set set, siginfo_t *info, int64_t deadline) {
    timespec left = time_until(deadline);
    long signal = sys_sigtimedwait(&set, info, deadline == FOREVER ? NULL : &left);
    if (is_order_to_stop(signal)) {
        init->stopping = true;
        /* From now on it is seen that what runs is about to end: "stop:NN" */
        __builtin_memcpy(init->runs, "stop", 4);
    }
    return signal;
}

long fork_child(void) {
    long pid = sys_clone(SIGCHLD); /* clone3 is denied to PID 1 too */
    if (pid == 0) {
        sys_setsid();
        set_mask(0);
    }
    return pid;
}

void add_name(struct line *line, const char *slot) {
    const char *name = slot + 4;
    size_t end = line->length + length_of(name);
    add_text(line, name);
    if (*name && !line->cut && line->text[end - 1] == '?') line->length--;
}

static void set_path(struct line *path, const char *slot) {
    clear_line(path);
    if (slot[4] != '/') add_text(path, "/etc/init.d/");
    add_name(path, slot);
    as_path(path);
}

static bool is_not_there(long error) { return error == -ENOENT || error == -ENOTDIR; }

/* "NAME?" and "/PATH?" may be missing. */
bool is_missing_option(const char *slot) {
    struct line path;
    if (slot[length_of(slot) - 1] != '?') return false;
    set_path(&path, slot);
    return is_not_there(sys_faccessat(AT_FDCWD, path.text));
}

/* Each of them if the one before is not there. */
static long try_service(char *name, char *action, char **env) {
    /* No pointers: they would have to be relocated. */
    static const char tools[][sizeof "/usr/sbin/service"] = {"/usr/sbin/service", "/sbin/service", "/usr/bin/service",
                                                             "/bin/service"};
    long error = -ENOENT;
    for (size_t i = 0; i < sizeof tools / sizeof *tools && error == -ENOENT; i++) {
        char *argv[] = {(char *)tools[i], name, action, NULL};
        error = sys_execve(argv[0], argv, env);
    }
    return error;
}

__attribute__((noreturn)) static void execute(const char *slot, char *action, char **env) {
    struct line path, name;
    long error = -ENOENT;
    set_path(&path, slot);
    clear_line(&name);
    add_name(&name, slot);
    as_path(&name);
    if (slot[4] != '/') error = try_service(name.text, action, env);
    if (error == -ENOENT) {
        char *argv[] = {path.text, action, NULL};
        error = sys_execve(path.text, argv, env);
    }
    sys_exit(is_not_there(error) ? NOT_FOUND : NOT_EXECUTABLE);
}

/* The group, and the leader itself: it may not have become one yet. Neither number can be another's, as the
 * leader has not been reaped. */
static void kill_command(const struct init *init) {
    sys_kill(-init->command, SIGKILL);
    sys_kill(init->command, SIGKILL);
}

/* A request to retry stays pending while a command runs; all other signals are taken off the queue. */
static const signal_set all_but_retry = ~((signal_set)1 << (RETRY_SIGNAL - 1));

/* The rest of a group that was killed is still there for a moment. Taken for services, it would keep the dummy from
 * being started, and the subhost would go down with it. One whose parent does not reap it stays: hence a limit. */
static void wait_for_group(struct init *init, long group) {
    int64_t deadline = now_ms() + GROUP_LIMIT_MS;
    siginfo_t info;
    for (reap(init); sys_kill(-group, 0) == 0; reap(init))
        if (next_signal(init, all_but_retry, &info, deadline) == -EAGAIN) return;
}

static bool wait_for_command(struct init *init, int64_t limit_ms) {
    long group = init->command;
    int64_t deadline = now_ms() + limit_ms;
    bool timed_out = false, killed = false;
    siginfo_t info;
    for (reap(init); init->command; reap(init)) {
        bool stopping = init->stopping;
        long signal = next_signal(init, all_but_retry, &info, deadline);
        if (signal != -EAGAIN && stopping == init->stopping) continue;
        timed_out |= signal == -EAGAIN;
        if (signal == -EAGAIN) deadline = FOREVER;
        kill_command(init);
        killed = true;
    }
    if (killed) wait_for_group(init, group);
    return timed_out;
}

int run_entry(struct init *init, const char *slot, const char *action, int64_t limit_ms) {
    long pid = fork_child();
    if (pid == 0) execute(slot, (char *)action, init->env);
    if (pid < 0) return NOT_FORKED;
    init->command = pid;
    return wait_for_command(init, limit_ms) ? TIMED_OUT : init->command_status;
}
