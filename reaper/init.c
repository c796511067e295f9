/* PID 1 of a subhost: runs the start list, reaps, stops in order. It polls nothing and allocates nothing. */
#include "init.h"

#include "boot.h"
#include "modes.h"
#include "process.h"
#include "text.h"

enum { END_BYTES = 4096, TAIL_AT = 64, TAIL_BYTES = 2048 };
enum { LOG_FD = 1, MARK = 1, START_MS = 3, STOP_MS = 4, RUNS = 5, FIRST_SLOT = 6 };

static const signal_set every_signal = ~(signal_set)0;

static void set_state(char *slot, const char *state) {
    for (int i = 0; i < 3; i++) slot[i] = state[i];
}

static void set_status(char *slot, int status) {
    char state[] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10),
                    (char)('0' + status % 10)};
    set_state(slot, state);
}

/* "WHO WHAT NAME STATE" */
static void say(int fd, const char *who, const char *what, const char *slot, const char *state) {
    struct line line;
    if (fd < 0) return;
    clear_line(&line);
    add_text(&line, who);
    add_text(&line, what);
    if (slot) add_name(&line, slot);
    add_text(&line, state);
    write_line(&line, fd);
}

static void say_exit(const char *slot, const char *action, int status) {
    struct line line;
    clear_line(&line);
    add_text(&line, "[ob] ");
    add_name(&line, slot);
    add_text(&line, action);
    add_text(&line, " exit ");
    add_number(&line, status);
    write_line(&line, LOG_FD);
}

static void say_done(const struct init *init, const char *slot) {
    char state[] = {' ', slot[0], slot[1], slot[2], 0};
    say(init->status_fd, init->mark, " done ", slot, state);
}

static void start_entry(struct init *init, char *slot) {
    if (is_missing_option(slot)) {
        set_state(slot, "skp");
        say_done(init, slot);
        return;
    }
    set_state(slot, ">>>");
    say(LOG_FD, "[ob]", " start ", slot, "");
    say(init->status_fd, init->mark, " start ", slot, "");
    int status = run_entry(init, slot, "start", init->start_ms);
    set_status(slot, status);
    say_exit(slot, "", status);
    say_done(init, slot);
}


/* While the list runs we have a descriptor by which all of a batch are heard. Root inside may take what another process of the
 * same rights has open (/proc/1/fd, pidfd_getfd(2)), but not of one that is not dumpable: ptrace(2), "access mode checking". */
static void start_all(struct init *init) {
    sys_prctl(PR_SET_DUMPABLE, 0, 0);
    say(init->status_fd, init->mark, " up", NULL, "");
    for (int i = 0; i < init->slots && !init->stopping; i++) start_entry(init, init->slot[i]);
    /* A list of one-shots or of failed commands must not take the subhost down. */
    if (!init->stopping && !reap(init)) start_dummy(init);
    if (!init->stopping) say(init->status_fd, init->mark, " finished", NULL, "");
    sys_close(init->status_fd);
    init->status_fd = -1;
    sys_prctl(PR_SET_DUMPABLE, 1, 0);
}

/* Whoever asked waits for the counter to move: so it moves even if there was nothing to do, and only
 * after the slot has its new state. */
static void count_run(struct init *init) {
    char *digit = init->runs + sizeof "runs:" - 1;
    bool carry = digit[1] == '9';
    char ones = carry ? '0' : (char)(digit[1] + 1);
    char tens = !carry ? digit[0] : digit[0] == '9' ? '0' : (char)(digit[0] + 1);
    __atomic_store_n(&digit[0], tens, __ATOMIC_RELEASE);
    __atomic_store_n(&digit[1], ones, __ATOMIC_RELEASE);
}

/* The kernel says 0 for a sender outside of this pid namespace. (A process inside that may signal PID 1
 * could lie here, but it could as well run the command itself.) */
static void retry_entry(struct init *init, const siginfo_t *info) {
    int index = info->si_int;
    if (info->si_code != SI_QUEUE || info->si_pid != 0) return;
    if (index >= 0 && index < init->slots && !starts_with(init->slot[index], "000"))
        start_entry(init, init->slot[index]);
    count_run(init);
}

/* A page of the machine's, which is not our parent. No descriptor is kept: root inside could open that anew through
 * /proc/1/fd, and write as much as it likes. /proc/1/map_files wants a capability that nobody inside has. */
static void map_end(struct init *init) {
    long page = sys_mmap(END_BYTES, END_FD);
    sys_close(END_FD);
    if (page < 0) return;
    init->end = (char *)page;
    *init->end = '+';
    /* What is forked has no business with it, and as long as we live we need no page of ours for it. */
    sys_madvise(init->end, END_BYTES, MADV_DONTFORK);
    sys_madvise(init->end, END_BYTES, MADV_DONTNEED);
}

/* "HOW STATUS MS", then what the log said last. Whoever is killed says nothing. */
static void say_end(struct init *init, const char *how, int status) {
    struct line line;
    uint64_t size;
    if (!init->end) return;
    clear_line(&line);
    add_text(&line, how);
    add_number(&line, status);
    add_text(&line, " ");
    add_number(&line, now_ms());
    for (size_t i = 0; i < line.length; i++) init->end[i] = line.text[i];
    if (is_regular(LOG_FD, &size))
        sys_pread(LOG_FD, init->end + TAIL_AT, TAIL_BYTES, size > TAIL_BYTES ? size - TAIL_BYTES : 0);
}

static void serve(struct init *init) {
    siginfo_t info;
    while (!init->stopping) {
        if (!reap(init)) {
            say_end(init, "ended ", init->last);
            sys_exit(init->last);
        }
        if (next_signal(init, every_signal, &info, FOREVER) == RETRY_SIGNAL)
            retry_entry(init, &info);
    }
}

static void stop_services(struct init *init) {
    for (int i = init->slots - 1; i >= 0; i--) {
        char *slot = init->slot[i];
        if (!starts_with(slot, "000")) continue;
        say(LOG_FD, "[ob]", " stop ", slot, "");
        say_exit(slot, " stop", run_entry(init, slot, "stop", init->stop_ms));
    }
}

/* A stopped process cannot act on TERM: CONT, as systemd does. */
static void end_all(struct init *init) {
    siginfo_t info;
    int64_t deadline = now_ms() + init->stop_ms;
    sys_kill(-1, SIGTERM);
    sys_kill(-1, SIGCONT);
    while (reap(init))
        if (next_signal(init, every_signal, &info, deadline) == -EAGAIN) break;
    sys_kill(-1, SIGKILL);
    while (reap(init)) next_signal(init, every_signal, &info, FOREVER);
}

int run_init(int count, char **argv, char **env) {
    struct init init = {.argv = argv, .env = env, .status_fd = STATUS_FD};
    sys_personality(PER_LINUX); /* what runs here has its addresses at random again */
    set_mask(every_signal);
    sys_fcntl(STATUS_FD, F_SETFD, FD_CLOEXEC);
    sys_prctl(PR_SET_NAME, (unsigned long)".reaper", 0); /* executed by descriptor, it has none */
    if (count < FIRST_SLOT || !parse_number(argv[START_MS], &init.start_ms) ||
        !parse_number(argv[STOP_MS], &init.stop_ms))
        return USAGE;
    map_end(&init);
    init.mark = argv[MARK];
    init.runs = argv[RUNS];
    init.slot = argv + FIRST_SLOT;
    init.slots = count - FIRST_SLOT;
    start_all(&init);
    serve(&init);
    stop_services(&init);
    end_all(&init);
    say_end(&init, "stopped ", 0);
    return DONE;
}
