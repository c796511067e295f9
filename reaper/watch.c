/* The watcher: a program of its own beside the reaper, so that the image of every PID 1 stays small. It says in a line
 * that something has moved, and sleeps otherwise; what has moved, and what is to be done about it, others find out.
 * Node cannot wait for POLLPRI, and one process does here what would take `ip monitor` one for each namespace. */
#include <linux/inotify.h>
#include <linux/netlink.h>

#include "netlink.h"
#include "process.h"
#include "text.h"

ENTRY_POINT;

__attribute__((noreturn, used)) void enter(long *stack);

enum { MAX_WATCHES = 65536, MAX_HOSTS = 4096, PAUSE_MS = 50, USAGE = 64 };
/* From <sys/socket.h>, which wants a libc. */
enum { LEVEL_NETLINK = 270, FAMILY_NETLINK = 16 };

static struct pollfd watches[MAX_WATCHES];
static const char *words[MAX_WATCHES];
static size_t count;

static int own_netns, inotify;

static long add_watch(long fd, short events, const char *word) {
    if (fd < 0) return fd;
    if (count == MAX_WATCHES) return -EMFILE;
    watches[count] = (struct pollfd){.fd = (int)fd, .events = events};
    words[count++] = word;
    return 0;
}

/* A socket stays in the namespace that it was made in. */
static long open_links(void) {
    static const int groups[] = {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE};
    const struct sockaddr_nl any = {.nl_family = FAMILY_NETLINK};
    int fd = open_netlink();
    if (fd < 0) return fd;
    /* Unbound it would get nothing: its port 0 is that of the kernel, who does not tell itself. */
    long error = sys_bind(fd, &any, sizeof any);
    for (size_t i = 0; !error && i < sizeof groups / sizeof *groups; i++)
        error = sys_setsockopt(fd, LEVEL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof groups[i]);
    if (!error) error = sys_fcntl(fd, F_SETFL, O_NONBLOCK);
    return error < 0 ? error : fd;
}

static long watch_links(const char *path) {
    int netns = (int)sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (netns < 0) return netns;
    long error = sys_setns(netns, CLONE_NEWNET);
    long fd = error < 0 ? error : open_links();
    sys_setns(own_netns, CLONE_NEWNET);
    sys_close(netns);
    return add_watch(fd, POLLIN, path);
}

static long watch_urgent(const char *path) {
    return add_watch(sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0), POLLPRI, path);
}

static long watch_process(const char *pid) {
    int64_t number;
    if (!parse_number(pid, &number)) return -EINVAL;
    return add_watch(sys_pidfd_open(number), POLLIN, pid);
}

static struct host {
    int uts;
    unsigned name; /* a digest of it */
} hosts[MAX_HOSTS];
static size_t host_count;
static const char hostname[] = "hostname";

static unsigned read_hostname(int uts) {
    struct names names;
    unsigned digest = 0;
    if (!enter_names(uts, &names)) return 0;
    for (const char *c = names.host; *c; c++) digest = digest * 33 + (unsigned char)*c;
    return digest;
}

/* The kernel tells of every change of any host name on the machine, and each start of a container anywhere is one. */
static bool have_hosts_moved(void) {
    bool moved = false;
    for (struct host *host = hosts; host < hosts + host_count; host++) {
        unsigned name = read_hostname(host->uts);
        moved |= name != host->name;
        host->name = name;
    }
    return moved;
}

static long watch_host(const char *pid) {
    if (host_count == MAX_HOSTS) return -EMFILE;
    if (!host_count) {
        long fd = sys_openat(AT_FDCWD, "/proc/sys/kernel/hostname", O_RDONLY | O_CLOEXEC, 0);
        long error = add_watch(fd, POLLPRI, hostname);
        if (error < 0) return error;
    }
    long uts = open_proc_file(pid, "ns/uts", O_RDONLY);
    if (uts < 0) return uts;
    hosts[host_count++] = (struct host){.uts = (int)uts, .name = read_hostname((int)uts)};
    return 0;
}

static long watch_file(const char *path) {
    return sys_inotify_add_watch(inotify, path, IN_MODIFY | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB);
}

/* Not IN_MODIFY: whoever writes to /dev/null has moved nothing. What is planted in a subhost leads nowhere. */
static long watch_folder(const char *path) {
    return sys_inotify_add_watch(inotify, path,
                                 IN_CREATE | IN_DELETE | IN_MOVE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW);
}

static long watch_access(const char *path) {
    return sys_inotify_add_watch(inotify, path, IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
}

static const struct {
    const char *name;
    long (*begin)(const char *value);
} kinds[] = {
    {"links", watch_links},     /* FILE of a network namespace: its links, addresses and routes */
    {"urgent", watch_urgent},   /* FILE of /proc that tells by POLLPRI that it reads differently, such as mountinfo */
    {"process", watch_process}, /* PID: its end */
    {"host", watch_host},       /* PID: its host name */
    {"file", watch_file},       /* FILE: what is in it */
    {"folder", watch_folder},   /* FOLDER: what names are in it */
    {"access", watch_access},   /* FOLDER: whose it is, and its mode */
};

static long begin(const char *kind, const char *value) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (same(kind, kinds[i].name)) return kinds[i].begin(value);
    return -ENOSYS;
}

/* What cannot be watched is told, and the rest is watched. */
static void begin_all(int number, char **word) {
    for (int i = 0; i < number; i += 2) {
        long error = begin(word[i], word[i + 1]);
        if (error < 0) write_error(1, word[i + 1], "watch", error, word[i]);
    }
}

static void drain(int fd) {
    static char bytes[32768];
    /* ENOBUFS: the kernel had more to say than it could keep. */
    for (long got; (got = sys_read(fd, bytes, sizeof bytes)) > 0 || got == -ENOBUFS;) {
    }
}

static void tell(struct pollfd *watch, const char *word) {
    if (word == hostname && !have_hosts_moved()) return;
    write_word(1, "moved", word);
    /* A look at what is urgent has been taken by ppoll itself. A process ends once. */
    if (!(watch->events & POLLIN)) return;
    int64_t pid;
    if (parse_number(word, &pid)) watch->fd = -1;
    else drain(watch->fd);
}

/* Ends when its standard input does: with whoever has started it. */
static int wait_for_moves(void) {
    const timespec pause = {.tv_nsec = PAUSE_MS * 1000000};
    for (;;) {
        if (sys_ppoll(watches, count, NULL) < 0) continue;
        if (watches[0].revents) return 0;
        for (size_t i = 1; i < count; i++)
            if (watches[i].revents) tell(&watches[i], words[i]);
        /* A storm is told as twenty moves a second. */
        sys_ppoll(watches, 1, &pause);
    }
}

static int watch(int number, char **word) {
    if (number % 2) return USAGE;
    block_signal(SIGPIPE);
    raise_file_limit();
    own_netns = (int)sys_openat(AT_FDCWD, "/proc/self/ns/net", O_RDONLY | O_CLOEXEC, 0);
    inotify = (int)sys_inotify_init1(O_NONBLOCK | O_CLOEXEC);
    add_watch(0, POLLIN, "");
    add_watch(inotify, POLLIN, "files");
    begin_all(number, word);
    write_word(1, "watcher", "ready");
    return wait_for_moves();
}

/* The stack at entry: argc, argv, NULL, environment, NULL (System V ABI). */
void enter(long *stack) {
    int number = (int)*stack;
    sys_exit(watch(number - 1, (char **)(stack + 2)));
}
