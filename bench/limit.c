/* The limit that `ob` is measured against: the kernel work of `ob apply` for N subhosts and of their `ob destroy`, in one
 * process, with raw system calls and netlink, without checks, plan, report or repair.
 *
 *   limit create N BASE PID1   N subhosts s1..sN below BASE, with the program PID1 as their PID 1
 *   limit outer N BASE         the same without processes: network namespaces, cables, roots
 *   limit destroy N BASE       all of it goes; returns when no link is left
 *
 * and the tools of the benchmark, so that no interpreter's own time is measured:
 *
 *   limit time PROGRAM...             prints wall, user and system time in microseconds, and the exit status
 *   limit first-byte ADDRESS PORT PROGRAM...   prints the microseconds from the start of PROGRAM to a byte from there
 *   answer [start]                    (by that name) says one byte to who connects to port 8080; with `start` in the
 *                                     background, like a service */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/veth.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { GROUP = 28515, PATH_SIZE = 256 };

static long must(const char *what, long result) {
    if (result >= 0) return result;
    fprintf(stderr, "limit: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Netlink: one request, one acknowledgement. */

struct request {
    struct nlmsghdr header;
    union {
        struct ifinfomsg link;
        struct ifaddrmsg address;
    };
    char attributes[512];
};

static void *add(struct request *request, int type, const void *value, size_t size) {
    struct rtattr *attribute = (void *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));
    attribute->rta_type = (unsigned short)type;
    attribute->rta_len = (unsigned short)RTA_LENGTH(size);
    if (size) memcpy(RTA_DATA(attribute), value, size);
    request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + (unsigned)RTA_ALIGN(attribute->rta_len);
    return attribute;
}

static void end_nest(struct request *request, struct rtattr *nest) {
    nest->rta_len = (unsigned short)((char *)request + request->header.nlmsg_len - (char *)nest);
}

static int open_netlink(void) {
    return (int)must("netlink", socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
}

static void ask(int netlink, struct request *request, const char *what) {
    request->header.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
    must(what, send(netlink, request, request->header.nlmsg_len, 0));
    struct { struct nlmsghdr header; struct nlmsgerr error; char rest[2048]; } answer;
    must(what, recv(netlink, &answer, sizeof answer, 0));
    errno = -answer.error.error;
    must(what, answer.error.error ? -1 : 0);
}

static void set_up(int netlink, int index) {
    struct request request = {.header = {NLMSG_LENGTH(sizeof request.link), RTM_NEWLINK, 0, 0, 0},
                              .link = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP}};
    ask(netlink, &request, "link up");
}

static void mac_of(int i, unsigned char mac[6]) {
    const unsigned char bytes[6] = {0x02, 0, 0x0a, 0x4d, (unsigned char)((i + 1) >> 8), (unsigned char)(i + 1)};
    memcpy(mac, bytes, 6);
}

/* One of each, as an end has anyway: else the kernel makes one for each processor, and waits for all of them to take it back. */
static void add_one_queue(struct request *request) {
    const uint32_t one = 1;
    add(request, IFLA_NUM_TX_QUEUES, &one, sizeof one);
    add(request, IFLA_NUM_RX_QUEUES, &one, sizeof one);
}

/* One message for both ends: names, MAC, group, bridge, up, and the peer's namespace. */
static void add_cable(int netlink, int i, int bridge, int netns) {
    char name[IFNAMSIZ];
    unsigned char mac[6];
    uint32_t group = GROUP, master = (uint32_t)bridge, ns = (uint32_t)netns;
    struct ifinfomsg peer = {.ifi_index = 2};
    struct request request = {.header = {NLMSG_LENGTH(sizeof request.link), RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, 0},
                              .link = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP}};
    mac_of(i, mac);
    add(&request, IFLA_IFNAME, name, (size_t)snprintf(name, sizeof name, "s%d0", i) + 1);
    add(&request, IFLA_GROUP, &group, sizeof group);
    add(&request, IFLA_MASTER, &master, sizeof master);
    add_one_queue(&request);
    struct rtattr *info = add(&request, IFLA_LINKINFO, NULL, 0);
    add(&request, IFLA_INFO_KIND, "veth", 4);
    struct rtattr *data = add(&request, IFLA_INFO_DATA, NULL, 0);
    struct rtattr *other = add(&request, VETH_INFO_PEER, &peer, sizeof peer);
    add(&request, IFLA_IFNAME, "eth0", 5);
    add(&request, IFLA_ADDRESS, mac, 6);
    add(&request, IFLA_NET_NS_FD, &ns, sizeof ns);
    add_one_queue(&request);
    end_nest(&request, other);
    end_nest(&request, data);
    end_nest(&request, info);
    ask(netlink, &request, "veth");
}

static void add_address(int netlink, int i) {
    struct in_addr address = {htonl((10U << 24) + (77U << 16) + (unsigned)i + 1)};
    struct request request = {.header = {NLMSG_LENGTH(sizeof request.address), RTM_NEWADDR, NLM_F_CREATE, 0, 0},
                              .address = {.ifa_family = AF_INET, .ifa_prefixlen = 16, .ifa_index = 2}};
    add(&request, IFA_LOCAL, &address, sizeof address);
    add(&request, IFA_ADDRESS, &address, sizeof address);
    ask(netlink, &request, "address");
}

/* A named network namespace with lo up and its cable. */
static int make_network(int i, int machine, int netlink, int bridge) {
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "/run/netns/s%d", i);
    must("unshare", unshare(CLONE_NEWNET));
    int netns = (int)must("netns", open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    close((int)must(path, open(path, O_CREAT | O_CLOEXEC, 0444)));
    must(path, mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL));
    int inside = open_netlink();
    must("setns", setns(machine, CLONE_NEWNET));
    set_up(inside, 1);
    add_cable(netlink, i, bridge, netns);
    set_up(inside, 2);
    add_address(inside, i);
    close(inside);
    return netns;
}

/* The root in the machine's own mount namespace, as `ob` has it. */
static void make_root(int i, const char *base) {
    char folder[PATH_SIZE], options[4 * PATH_SIZE];
    const char *part[] = {"", "/root", "/work", "/live"};
    for (int p = 0; p < 4; p++) {
        snprintf(folder, sizeof folder, "%s/s%d%s", base, i, part[p]);
        mkdir(folder, p ? 0755 : 0700);
    }
    snprintf(options, sizeof options, "lowerdir=/,upperdir=%s/s%d/root,workdir=%s/s%d/work", base, i, base, i);
    must("overlay", mount("limit", folder, "overlay", 0, options));
}

static void make_dev(void) {
    const struct { const char *name; unsigned minor, major; } node[] = {
        {"/dev/null", 3, 1}, {"/dev/zero", 5, 1}, {"/dev/full", 7, 1},
        {"/dev/random", 8, 1}, {"/dev/urandom", 9, 1}, {"/dev/tty", 0, 5}};
    must("/dev", mount("dev", "/dev", "tmpfs", MS_NOSUID, "mode=755,size=64k"));
    for (int n = 0; n < 6; n++) must(node[n].name, mknod(node[n].name, S_IFCHR | 0666, makedev(node[n].major, node[n].minor)));
    must("/dev/pts", mkdir("/dev/pts", 0755));
    must("/dev/pts", mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=666,mode=620"));
    must("/dev/shm", mkdir("/dev/shm", 01777));
    must("/dev/shm", mount("shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k"));
    must("/dev/fd", symlink("/proc/self/fd", "/dev/fd"));
    must("/dev/ptmx", symlink("pts/ptmx", "/dev/ptmx"));
}

/* In the new namespaces: the new root, what is mounted inside, and PID 1's image. */
static void go_inside(int i, const char *base, int netns, int image, char *pid1) {
    char path[PATH_SIZE];
    char *argv[] = {pid1, NULL}, *env[] = {NULL};
    umask(0);
    must("setsid", setsid());
    must("setns", setns(netns, CLONE_NEWNET));
    must("private", mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    snprintf(path, sizeof path, "%s/s%d/live", base, i);
    must("chdir", chdir(path));
    must("pivot_root", syscall(SYS_pivot_root, ".", "."));
    must("umount", umount2(".", MNT_DETACH));
    must("chdir", chdir("/"));
    must("/proc", mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
    must("/sys", mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL));
    make_dev();
    must("/run", mount("run", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=50m"));
    snprintf(path, sizeof path, "s%d", i);
    must("sethostname", sethostname(path, strlen(path)));
    /* Ignored, children are reaped by the kernel; exec keeps it so. */
    signal(SIGCHLD, SIG_IGN);
    close(0), close(1), close(2);
    fexecve(image, argv, env);
    _exit(1);
}

static long boot(int i, const char *base, int netns, int image, char *pid1) {
    struct clone_args args = {.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP,
                              .exit_signal = SIGCHLD};
    long pid = must("clone3", syscall(SYS_clone3, &args, sizeof args));
    if (pid == 0) go_inside(i, base, netns, image, pid1);
    return pid;
}

static FILE *open_pids(const char *base, const char *mode) {
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/limit.pids", base);
    return fopen(path, mode);
}

/* Returns when every PID 1 runs its own program: exec closes the last writing ends of the pipe. */
static void create(int count, const char *base, char *pid1) {
    int machine = (int)must("netns", open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    int netlink = open_netlink(), bridge = (int)if_nametoindex("br0"), done[2], image = -1;
    struct rlimit files = {8192, 8192};
    FILE *pids = open_pids(base, "w");
    if (!bridge || !pids) must("br0 or BASE", -1);
    setrlimit(RLIMIT_NOFILE, &files);
    if (pid1) image = (int)must(pid1, open(pid1, O_RDONLY | O_CLOEXEC));
    must("pipe", pipe2(done, O_CLOEXEC));
    mkdir("/run/netns", 0755);
    for (int i = 1; i <= count; i++) {
        int netns = make_network(i, machine, netlink, bridge);
        make_root(i, base);
        if (pid1) fprintf(pids, "%ld\n", boot(i, base, netns, image, pid1));
        close(netns);
    }
    fclose(pids);
    close(done[1]);
    char byte;
    (void)!read(done[0], &byte, 1);
}

static void kill_all(const char *base) {
    struct pollfd ended[4096];
    int count = 0, pid;
    FILE *pids = open_pids(base, "r");
    struct rlimit files = {8192, 8192};
    setrlimit(RLIMIT_NOFILE, &files);
    while (pids && count < 4096 && fscanf(pids, "%d", &pid) == 1) {
        int fd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (fd < 0) continue;
        kill(pid, SIGKILL);
        ended[count++] = (struct pollfd){fd, POLLIN, 0};
    }
    for (int i = 0; i < count; i++) poll(&ended[i], 1, -1);
}

static void destroy(int count, const char *base) {
    char path[PATH_SIZE];
    uint32_t group = GROUP;
    struct request request = {.header = {NLMSG_LENGTH(sizeof request.link), RTM_DELLINK, 0, 0, 0}};
    add(&request, IFLA_GROUP, &group, sizeof group);
    kill_all(base);
    ask(open_netlink(), &request, "delete links");
    for (int i = 1; i <= count; i++) {
        snprintf(path, sizeof path, "/run/netns/s%d", i);
        must(path, umount2(path, MNT_DETACH));
        unlink(path);
        snprintf(path, sizeof path, "%s/s%d/live", base, i);
        must(path, umount2(path, 0));
    }
}

/* The tools. */

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

static int64_t micros(struct timeval time) { return time.tv_sec * 1000000LL + time.tv_usec; }

/* What it says goes to our stderr: stdout is for the numbers. */
static pid_t start(char **program) {
    pid_t pid = (pid_t)must("fork", vfork());
    if (pid) return pid;
    dup2(2, 1);
    execvp(program[0], program);
    _exit(127);
}

static int time_it(char **program) {
    struct rusage used;
    int status;
    int64_t begin = now();
    must("wait", waitpid(start(program), &status, 0));
    int64_t wall = now() - begin;
    getrusage(RUSAGE_CHILDREN, &used);
    printf("%lld %lld %lld %d\n", (long long)wall, (long long)micros(used.ru_utime), (long long)micros(used.ru_stime),
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}

/* A socket for each try: a SYN that got lost would be sent again after a second only. */
static int try_byte(const struct sockaddr_in *to) {
    char byte;
    int tcp = (int)must("socket", socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    struct pollfd ready = {tcp, POLLIN, 0};
    struct timespec limit = {0, 500000};
    connect(tcp, (const void *)to, sizeof *to);
    int got = ppoll(&ready, 1, &limit, NULL) == 1 && read(tcp, &byte, 1) == 1;
    close(tcp);
    return got;
}

static int first_byte(const char *address, const char *port, char **program) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr = {inet_addr(address)}};
    int status;
    int64_t begin = now(), give_up = begin + 60000000;
    pid_t pid = start(program);
    while (!try_byte(&to))
        if (now() > give_up) return 1;
    printf("%lld\n", (long long)(now() - begin));
    fflush(stdout);
    must("wait", waitpid(pid, &status, 0));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int answer(int in_background) {
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(8080)};
    int tcp = (int)must("socket", socket(AF_INET, SOCK_STREAM, 0)), yes = 1;
    setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    must("bind", bind(tcp, (void *)&here, sizeof here));
    must("listen", listen(tcp, 64));
    if (in_background && fork()) return 0;
    signal(SIGPIPE, SIG_IGN);
    for (;;) {
        int one = accept(tcp, NULL, NULL);
        if (one < 0) continue;
        (void)!write(one, "!", 1);
        close(one);
    }
}

int main(int count, char **word) {
    const char *mode = count > 1 ? word[1] : "", *name = strrchr(word[0], '/');
    if (name && !strcmp(name, "/answer")) return answer(!strcmp(mode, "start"));
    if (!strcmp(mode, "create") && count == 5) return create(atoi(word[2]), word[3], word[4]), 0;
    if (!strcmp(mode, "outer") && count == 4) return create(atoi(word[2]), word[3], NULL), 0;
    if (!strcmp(mode, "destroy") && count == 4) return destroy(atoi(word[2]), word[3]), 0;
    if (!strcmp(mode, "time") && count > 2) return time_it(word + 2);
    if (!strcmp(mode, "first-byte") && count > 4) return first_byte(word[2], word[3], word + 4);
    fputs("usage: see the top of limit.c\n", stderr);
    return 64;
}
