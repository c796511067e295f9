#include "process.h"

#include "text.h"

void set_mask(signal_set blocked) { sys_sigprocmask(SIG_SETMASK, &blocked); }

void block_signal(int signal) {
    signal_set set = (signal_set)1 << (signal - 1);
    sys_sigprocmask(SIG_BLOCK, &set);
}

/* Ignored signals survive exec: Node leaves SIGPIPE ignored, nohup SIGHUP. An ignored SIGCHLD would
 * even make the kernel reap behind PID 1's back (wait(2)). */
void default_dispositions(void) {
    static const char all_zero[64]; /* SIG_DFL in every layout of struct sigaction */
    for (int signal = 1; signal <= 64; signal++) sys_sigaction(signal, all_zero);
}

int64_t now_ms(void) {
    timespec now;
    sys_clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

timespec time_until(int64_t deadline) {
    int64_t left = deadline - now_ms();
    if (left < 0) left = 0;
    return (timespec){.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};
}

enum { NOFILE = 7, USUAL_FILES = 1024 }; /* RLIMIT_NOFILE on both architectures */

static void set_file_limit(uint64_t most) {
    struct rlimit64 limit = {0};
    sys_prlimit(NOFILE, NULL, &limit);
    limit.rlim_cur = limit.rlim_max < most ? limit.rlim_max : most;
    sys_prlimit(NOFILE, &limit, NULL);
}

void raise_file_limit(void) { set_file_limit(~0UL); }

void lower_file_limit(void) { set_file_limit(USUAL_FILES); }

long open_proc_file(const char *pid, const char *name, int flags) {
    struct line path;
    clear_line(&path);
    add_text(&path, "/proc/");
    add_text(&path, pid);
    add_text(&path, "/");
    add_text(&path, name);
    return as_path(&path) ? sys_openat(AT_FDCWD, path.text, flags | O_CLOEXEC, 0) : -ENAMETOOLONG;
}

/* The start time is field 22; field 2, the name, may hold spaces and parentheses (proc(5)). */
static const char *find_start_time(char *stat, size_t length) {
    size_t at = length;
    while (at && stat[at - 1] != ')') at--;
    char *field = stat + at;
    for (int spaces = 0; *field && spaces < 20; field++) spaces += *field == ' ';
    for (char *end = field; *end; end++)
        if (*end == ' ') *end = 0;
    return field;
}

static bool started_at(const char *pid, const char *ticks) {
    char stat[1024];
    int fd = (int)open_proc_file(pid, "stat", O_RDONLY);
    if (fd < 0) return false;
    long length = sys_read(fd, stat, sizeof stat - 1);
    sys_close(fd);
    if (length <= 0) return false;
    stat[length] = 0;
    return same(find_start_time(stat, (size_t)length), ticks);
}

/* The pidfd first, then the start time: what is compared is the process the pidfd holds, or one that
 * took its number after it had ended; in that case the pidfd refers to nobody, and hits nobody. */
long open_process(const char *pid, const char *ticks) {
    int64_t number;
    if (!parse_number(pid, &number) || number < 1 || number > INT32_MAX) return -ESRCH;
    long pidfd = sys_pidfd_open(number);
    if (pidfd < 0 || started_at(pid, ticks)) return pidfd == -EINVAL ? -ESRCH : pidfd;
    sys_close((int)pidfd);
    return -ESRCH;
}

bool has_ended(int pidfd) {
    struct pollfd poll = {.fd = pidfd, .events = POLLIN};
    timespec at_once = {0};
    return sys_ppoll(&poll, 1, &at_once) != 0;
}

bool enter_names(int uts, struct names *names) { return sys_setns(uts, CLONE_NEWUTS) >= 0 && sys_uname(names) >= 0; }

bool is_regular(int fd, uint64_t *size) {
    struct statx status;
    if (sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, &status) < 0) return false;
    *size = status.stx_size;
    return (status.stx_mode & S_IFMT) == S_IFREG;
}

long copy_bytes(int to, int from) {
    long size;
    while ((size = sys_sendfile(to, from, 1 << 20)) > 0) {
    }
    return size;
}

int exit_status(int wait_status) {
    int signal = wait_status & 127;
    return signal ? 128 + signal : wait_status >> 8 & 255;
}
