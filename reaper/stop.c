/* reaper stop: TERM to many PID 1s, then waits for all of them at once. */
#include "modes.h"
#include "process.h"
#include "text.h"

static struct pollfd watched[MAX_ITEMS];

/* A pidfd to wait on, or -1 if this one is settled already. */
static int signal_one(const char *pid, const char *ticks, int *status) {
    long pidfd = open_process(pid, ticks);
    long error = pidfd < 0 ? pidfd : sys_pidfd_send_signal((int)pidfd, SIGTERM, NULL);
    if (error >= 0) return (int)pidfd;
    if (pidfd >= 0) sys_close((int)pidfd);
    if (error == -ESRCH) {
        write_word(1, pid, pidfd < 0 ? "other" : "gone");
    } else {
        write_error(1, pid, "signal", error, "");
        *status = FAILED;
    }
    return -1;
}

/* A pidfd is readable once its process has ended; ppoll leaves negative descriptors alone. */
static int take_ended(int items, char **pair) {
    int left = 0;
    for (int i = 0; i < items; i++) {
        if (watched[i].fd < 0) continue;
        if (!watched[i].revents) {
            left++;
            continue;
        }
        write_word(1, pair[2 * i], "gone");
        sys_close(watched[i].fd);
        watched[i].fd = -1;
    }
    return left;
}

static void wait_for_all(int items, char **pair, int64_t deadline) {
    int left = take_ended(items, pair);
    while (left) {
        timespec limit = time_until(deadline);
        if (sys_ppoll(watched, (size_t)items, &limit) <= 0) return;
        left = take_ended(items, pair);
    }
}

int stop(int count, char **word) {
    int64_t timeout;
    int status = DONE, items = (count - 1) / 2;
    char **pair = word + 1;
    if (count < 3 || count % 2 == 0 || items > MAX_ITEMS || !parse_number(word[0], &timeout))
        return USAGE;
    raise_file_limit();
    for (int i = 0; i < items; i++)
        watched[i] = (struct pollfd){.fd = signal_one(pair[2 * i], pair[2 * i + 1], &status),
                                     .events = POLLIN};
    wait_for_all(items, pair, now_ms() + timeout);
    for (int i = 0; i < items; i++) {
        if (watched[i].fd < 0) continue;
        write_word(1, pair[2 * i], "timeout");
        status = FAILED;
    }
    return status;
}
