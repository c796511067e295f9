/* reaper retry: asks a PID 1 to run one entry's start again, waits for the outcome. */
#include "modes.h"
#include "process.h"
#include "text.h"

enum { CMDLINE_SIZE = 32768, RUNS = 5, FIRST_SLOT = 6, LOOK_EVERY_MS = 10 };

struct record {
    char runs[2];
    char state[4];
};

static const char *find_argument(const char *text, const char *end, int64_t index) {
    for (; index && text < end; text++) index -= !*text;
    return text + 4 < end ? text : NULL;
}

/* PID 1 moves the counter after it has set the state, and this copy reads the counter first. */
static bool read_record(const char *pid, int64_t index, struct record *record) {
    static char text[CMDLINE_SIZE];
    long fd = open_proc_file(pid, "cmdline", O_RDONLY);
    if (fd < 0) return false;
    long size = sys_read((int)fd, text, sizeof text - 1);
    sys_close((int)fd);
    if (size <= 0) return false;
    text[size] = 0; /* find_argument looks no further */
    const char *runs = find_argument(text, text + size, RUNS);
    const char *slot = find_argument(text, text + size, FIRST_SLOT + index);
    if (!runs || !slot || !starts_with(runs, "runs:")) return false;
    for (int i = 0; i < 2; i++) record->runs[i] = runs[5 + i];
    for (int i = 0; i < 3; i++) record->state[i] = slot[i];
    record->state[3] = 0;
    return true;
}

static long send_request(int pidfd, int64_t index) {
    siginfo_t info = {0};
    info.si_signo = RETRY_SIGNAL;
    info.si_code = SI_QUEUE;
    info.si_pid = (int)sys_getpid();
    info.si_uid = (unsigned)sys_getuid();
    info.si_int = (int)index;
    return sys_pidfd_send_signal(pidfd, RETRY_SIGNAL, &info);
}

static bool has_run(const struct record *before, const struct record *after) {
    bool moved = before->runs[0] != after->runs[0] || before->runs[1] != after->runs[1];
    return moved && !same(after->state, ">>>");
}

static int wait_for_run(const char *pid, int pidfd, int64_t index, struct record *before,
                        int64_t deadline) {
    struct pollfd poll = {.fd = pidfd, .events = POLLIN};
    const timespec pause = {.tv_nsec = LOOK_EVERY_MS * 1000000};
    struct record after;
    while (now_ms() <= deadline) {
        bool ended = sys_ppoll(&poll, 1, &pause) > 0;
        if (ended || !read_record(pid, index, &after) || has_ended(pidfd)) {
            write_word(1, pid, "other");
            return FAILED;
        }
        if (has_run(before, &after)) {
            write_word(1, pid, after.state);
            return DONE;
        }
    }
    write_word(1, pid, "timeout");
    return FAILED;
}

int retry(int count, char **word) {
    int64_t index, timeout;
    struct record before;
    if (count != 4 || !parse_number(word[2], &index) || index > 4096 ||
        !parse_number(word[3], &timeout))
        return USAGE;
    long pidfd = open_process(word[0], word[1]);
    if (pidfd < 0 || !read_record(word[0], index, &before)) {
        write_word(1, word[0], "other");
        return FAILED;
    }
    long error = send_request((int)pidfd, index);
    if (error < 0) {
        write_error(1, word[0], "signal", error, "");
        return FAILED;
    }
    return wait_for_run(word[0], (int)pidfd, index, &before, now_ms() + timeout);
}
