/* The caller's streams are not handed in as they are: a file could be opened anew through /proc/self/fd and written to,
 * a terminal could be typed into. Pipes and sockets have nothing behind them; all else goes through pipes of ours,
 * and three terminals become one terminal of the subhost's own. */
#include "relay.h"

#include <linux/signalfd.h>

#include "boot.h"
#include "process.h"

static bool is_pipe(int fd) {
    struct statx status;
    if (sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &status) < 0) return false;
    unsigned type = status.stx_mode & S_IFMT;
    return type == S_IFIFO || type == S_IFSOCK;
}

static void add_channel(struct streams *streams, int from, int to) {
    streams->channel[streams->channels++] = (struct channel){.from = from, .to = to};
}

static void open_stream(struct streams *streams, int fd, bool own, const char *pid) {
    int pipe[2];
    streams->inside[fd] = fd;
    if (!own && is_pipe(fd)) return;
    must(pid, "pipe", sys_pipe2(pipe, O_CLOEXEC), "");
    streams->inside[fd] = pipe[fd == 0 ? 0 : 1];
    if (fd == 0)
        add_channel(streams, 0, pipe[1]);
    else
        add_channel(streams, pipe[0], fd);
}

void open_streams(struct streams *streams, bool own, const char *pid) {
    streams->channels = 0;
    streams->terminal = -1;
    if (!is_terminal(0) || !is_terminal(1) || !is_terminal(2)) {
        for (int fd = 0; fd < 3; fd++) open_stream(streams, fd, own, pid);
        return;
    }
    int inside;
    streams->terminal = open_terminal(pid, &inside);
    /* Before the command is born: it may ask at once. */
    copy_window_size(0, streams->terminal);
    for (int fd = 0; fd < 3; fd++) streams->inside[fd] = inside;
    add_channel(streams, 0, streams->terminal);
    add_channel(streams, streams->terminal, 1);
}

void take_streams(struct streams *streams, const char *pid) {
    if (streams->terminal >= 0) take_controlling_terminal(streams->inside[0]);
    /* Out of the way first: one of them may be where another is to go. Whatever cannot be had, the caller's own stream, which
     * is there still, is not to be taken for it. */
    for (int fd = 0; fd < 3; fd++)
        streams->inside[fd] = (int)must(pid, "dup", sys_fcntl(streams->inside[fd], F_DUPFD_CLOEXEC, 16), "");
    for (int fd = 0; fd < 3; fd++) must(pid, "dup", sys_dup3(streams->inside[fd], fd, 0), "");
}

/* The relay's own copies of what the command has: only without them it sees the end of a stream. */
static void close_inside(const struct streams *streams) {
    for (int fd = 0; fd < 3; fd++)
        if (streams->inside[fd] > 2) sys_close(streams->inside[fd]);
}

static void close_from(struct channel *channel) {
    /* What came in is ours alone to close; 0 stays, it may be the terminal that is to be restored. */
    if (channel->from > 2) sys_close(channel->from);
    channel->from = -1;
}

static void close_to(struct streams *streams, struct channel *channel) {
    if (channel->to > 2 && channel->to != streams->terminal) sys_close(channel->to);
    channel->to = -1;
}

/* EIO from a terminal: all that had it open inside have closed it. */
static void fill(struct streams *streams, struct channel *channel) {
    long got = sys_read(channel->from, channel->bytes, sizeof channel->bytes);
    if (got == -EAGAIN || got == -EINTR) return;
    channel->at = 0;
    channel->length = got > 0 ? (int)got : 0;
    if (got > 0) return;
    close_from(channel);
    close_to(streams, channel);
}

static void drain(struct streams *streams, struct channel *channel) {
    long put = sys_write(channel->to, channel->bytes + channel->at, (size_t)(channel->length - channel->at));
    if (put == -EAGAIN || put == -EINTR) return;
    if (put < 0) {
        close_to(streams, channel);
        close_from(channel);
        channel->length = 0;
        return;
    }
    channel->at += (int)put;
    if (channel->at == channel->length) channel->at = channel->length = 0;
}

static struct pollfd watch(const struct channel *channel) {
    if (channel->length) return (struct pollfd){.fd = channel->to, .events = POLLOUT};
    return (struct pollfd){.fd = channel->from, .events = POLLIN};
}

static long take_signal(int fd, long pid, const struct streams *streams) {
    struct signalfd_siginfo info;
    if (sys_read(fd, &info, sizeof info) != sizeof info) return 0;
    if (info.ssi_signo == SIGWINCH && streams->terminal >= 0) copy_window_size(0, streams->terminal);
    if (info.ssi_signo != SIGCHLD && info.ssi_signo != SIGWINCH) sys_kill(pid, (int)info.ssi_signo);
    return info.ssi_signo;
}

static int open_signals(void) {
    static const int numbers[] = {SIGCHLD, SIGWINCH, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
    signal_set set = 0;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        set |= (signal_set)1 << (numbers[i] - 1);
        block_signal(numbers[i]);
    }
    return (int)sys_signalfd4(-1, &set, O_CLOEXEC);
}

/* True once the command has ended. Its children are not ours. */
static bool has_exited(long pid, int *status) {
    int how;
    if (sys_wait4(pid, &how, WNOHANG | __WALL) != pid) return false;
    *status = exit_status(how);
    return true;
}

/* One round: false if nothing moved within the time. */
static bool carry(struct streams *streams, int signals, long pid, const timespec *limit) {
    struct pollfd poll[4] = {{.fd = signals, .events = POLLIN}};
    for (int i = 0; i < streams->channels; i++) poll[i + 1] = watch(&streams->channel[i]);
    if (sys_ppoll(poll, (size_t)streams->channels + 1, limit) <= 0) return false;
    if (poll[0].revents) take_signal(signals, pid, streams);
    bool moved = false;
    for (int i = 0; i < streams->channels; i++) {
        struct channel *channel = &streams->channel[i];
        if (!poll[i + 1].revents || poll[i + 1].fd < 0) continue;
        moved = moved || channel->from != 0;
        if (channel->length)
            drain(streams, channel);
        else
            fill(streams, channel);
    }
    return moved;
}

int relay(struct streams *streams, long pid) {
    const timespec at_once = {0};
    int status = 0, signals = open_signals();
    close_inside(streams);
    if (streams->terminal >= 0) {
        /* Again: a change before the signals were taken told nobody. */
        copy_window_size(0, streams->terminal);
        make_raw(0);
    }
    while (!has_exited(pid, &status)) carry(streams, signals, pid, NULL);
    /* What it said last is on its way still; what its children may say later is not waited for. */
    while (carry(streams, signals, pid, &at_once)) {
    }
    if (streams->terminal >= 0) restore_terminal(0);
    return status;
}
