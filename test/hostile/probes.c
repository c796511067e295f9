/* What root of a broken-into subhost would try next: each probe is one step towards the machine, made in a child of its own
 * and taken back. Prints "NAME open" or "NAME closed". Static, with a libc: it is hostile, not ours.
 * ARGUMENTS: a file of the machine's that must not be reached, the name of a process of the machine's, an abstract socket, and
 * the begin of a line of the machine's /etc/shadow. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static const char *canary, *outsider, *listener, *secret;
static int inherited;

#define MAYBE(condition) ((condition) ? 1 : 0)
enum { FORKS = 4096, LIMIT_S = 20, KMSG_MAJOR = 1, KMSG_MINOR = 11 };

/* Opened for writing, and not written to. */
static int writable(const char *path) { return open(path, O_WRONLY | O_CLOEXEC) >= 0; }

/* Says anything at all. */
static int readable(const char *path) {
    char c;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    return fd >= 0 && read(fd, &c, 1) == 1;
}

static int filled(const char *path) {
    DIR *dir = opendir(path);
    struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        if (*entry->d_name != '.') return 1;
    return 0;
}

/* Not ENOSYS, not EPERM: the kernel has looked at what was asked. */
static int considered(long result) {
    return result >= 0 || (errno != EPERM && errno != ENOSYS && errno != EACCES && errno != EAFNOSUPPORT && errno != EOPNOTSUPP);
}

static const char *place(const char *name) {
    static char path[64];
    snprintf(path, sizeof path, "/tmp/.probe-%s", name);
    mkdir("/tmp", 0755);
    mkdir(path, 0755);
    return path;
}

static int mounts(const char *type, const char *options) {
    const char *at = place(type);
    if (mount(type, at, type, 0, options)) return 0;
    return umount2(at, MNT_DETACH) == 0;
}

static int mount_tmpfs(void) { return mounts("tmpfs", NULL); }
static int mount_debugfs(void) { return mounts("debugfs", NULL) || filled("/sys/kernel/debug"); }
static int mount_tracefs(void) { return mounts("tracefs", NULL) || filled("/sys/kernel/tracing"); }
static int mount_securityfs(void) { return mounts("securityfs", NULL); }
static int mount_cgroup2(void) { return mounts("cgroup2", NULL) || writable("/sys/fs/cgroup/cgroup.procs"); }
static int mount_new_api(void) { return syscall(SYS_fsopen, "tmpfs", 0) >= 0; }
static int clone_tree(void) { return syscall(SYS_open_tree, AT_FDCWD, "/", 1) >= 0; }
static int bind_mount(void) { return mount("/proc", place("bind"), NULL, MS_BIND, NULL) == 0; }
static int remount_root(void) { return mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) == 0; }
static int unmask(void) { return umount2("/proc/sys", MNT_DETACH) == 0 || writable("/proc/sys/kernel/core_pattern"); }

static int release_agent(void) {
    char path[128];
    const char *at = place("cgroup1");
    if (mount("cgroup", at, "cgroup", 0, "none,name=probe") && mount("cgroup", at, "cgroup", 0, "rdma")) return 0;
    snprintf(path, sizeof path, "%s/release_agent", at);
    int open = writable(path);
    umount2(at, MNT_DETACH);
    return open;
}

static int make_device(void) {
    mknod("/.probe-kmsg", S_IFCHR | 0600, makedev(KMSG_MAJOR, KMSG_MINOR));
    int fd = open("/.probe-kmsg", O_RDONLY | O_NONBLOCK);
    unlink("/.probe-kmsg");
    return fd >= 0;
}

static int device_in_dev(void) {
    mknod("/dev/.probe", S_IFBLK | 0600, makedev(7, 0));
    struct stat status;
    int there = stat("/dev/.probe", &status) == 0;
    unlink("/dev/.probe");
    return there;
}

static int planted_device(void) { return open("/planted", O_RDONLY | O_NONBLOCK) >= 0; }

static int block_devices(void) {
    DIR *dir = opendir("/dev");
    struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        if (entry->d_type == DT_BLK || !strcmp(entry->d_name, "mem") || !strcmp(entry->d_name, "kmsg")) return 1;
    return 0;
}

/* Shocker: inode 2 is the root directory of most filesystems. */
static int shocker(void) {
    static const char *const starts[] = {"/", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/dev/null", "/.reaper", "/proc/1/fd/1"};
    struct {
        unsigned bytes;
        int type;
        unsigned long inode;
    } handle = {8, 1, 2};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        int fd = open(starts[i], O_RDONLY | O_NONBLOCK);
        if (fd >= 0 && syscall(SYS_open_by_handle_at, fd, &handle, O_RDONLY) >= 0) return 1;
        if (fd >= 0 && errno == ESTALE) return 1;
    }
    return 0;
}

static int core_pattern(void) { return writable("/proc/sys/kernel/core_pattern"); }
static int modprobe_path(void) { return writable("/proc/sys/kernel/modprobe"); }
static int vm_settings(void) { return writable("/proc/sys/vm/overcommit_memory"); }
static int sysrq(void) { return writable("/proc/sysrq-trigger") || writable("/proc/sys/kernel/sysrq"); }
static int irq_affinity(void) { return writable("/proc/irq/default_smp_affinity"); }
static int sysfs(void) { return writable("/sys/kernel/mm/transparent_hugepage/enabled") || writable("/sys/power/state") || writable("/sys/kernel/profiling"); }
static int firmware(void) { return filled("/sys/firmware"); }
static int kernel_memory(void) { return readable("/proc/kcore"); }
static int kernel_log(void) { return readable("/proc/kmsg") || readable("/dev/kmsg") || klogctl(3, (char[64]){0}, 64) >= 0; }
static int timers(void) { return readable("/proc/timer_list"); }
static int keys_file(void) { return readable("/proc/keys"); }
static int acpi(void) { return filled("/proc/acpi"); }

static int bpf_map(void) {
    union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
    return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr) >= 0;
}

static int perf(void) {
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof attr, .config = PERF_COUNT_SW_CPU_CLOCK};
    return syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0) >= 0;
}

static int user_keyring(void) { return syscall(SYS_keyctl, 0, -4, 0) >= 0; }
static int add_key(void) { return syscall(SYS_add_key, "user", "ob-probe", "x", 1UL, -3) >= 0; }
static int set_clock(void) {
    struct timex now = {0};
    if (adjtimex(&now) < 0) return 0;
    now.modes = ADJ_TICK;
    return adjtimex(&now) >= 0;
}
static int load_module(void) { return considered(syscall(SYS_init_module, "", 0UL, "")); }
static int load_kernel(void) { return considered(syscall(SYS_kexec_load, 0UL, 99UL, NULL, 0UL)); }
static int swap_off(void) { return considered(swapoff("/no/such/file")); }
static int reboot_machine(void) { return considered(syscall(SYS_reboot, 0, 0, 0, NULL)); }
static int accounting(void) { return considered(syscall(SYS_acct, "/no/such/file")); }
static int user_namespace(void) { return unshare(CLONE_NEWUSER) == 0; }
static int mount_namespace(void) { return unshare(CLONE_NEWNS) == 0; }
static int fault_handler(void) { return syscall(SYS_userfaultfd, 0) >= 0; }
static int ring(void) { return considered(syscall(SYS_io_uring_setup, 1, NULL)); }
static int host_of_vm(void) { return socket(40 /* AF_VSOCK */, SOCK_STREAM, 0) >= 0; }
static int kernel_ciphers(void) { return socket(38 /* AF_ALG */, SOCK_SEQPACKET, 0) >= 0; }
static int watch_filesystem(void) { return fanotify_init(FAN_CLASS_CONTENT, O_RDONLY) >= 0; }

static int clone_user_namespace(void) {
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) _exit(0);
    return pid > 0;
}

static int clone3_user_namespace(void) {
    struct {
        unsigned long long flags, pidfd, child, parent, signal, stack, size, tls;
    } args = {.flags = CLONE_NEWUSER, .signal = SIGCHLD};
    long pid = syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0) _exit(0);
    return pid > 0;
}

#ifdef __x86_64__
static int ports(void) { return syscall(SYS_iopl, 3) == 0; }
/* keyctl by its number of another architecture: a filter that looks at numbers alone is passed. */
static int call_of_i386(void) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(288), "b"(0), "c"(-4), "d"(0) : "memory");
    return result >= 0;
}
static int call_of_x32(void) { return syscall(0x40000000 | SYS_keyctl, 0, -4, 0) >= 0; }
#else
static int ports(void) { return 0; }
static int call_of_i386(void) { return 0; }
static int call_of_x32(void) { return 0; }
#endif

/* Types into a terminal that another may be reading. */
static int type_into_terminal(void) {
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) || unlockpt(master)) return 0;
    setsid();
    int terminal = open(ptsname(master), O_RDWR);
    ioctl(terminal, TIOCSCTTY, 0);
    return ioctl(terminal, TIOCSTI, "x") == 0;
}

static int inherited_descriptors(void) { return inherited; }

static int environment_leak(void) {
    char text[8192] = {0};
    int fd = open("/proc/1/environ", O_RDONLY);
    ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    for (char **entry = environ; *entry; entry++)
        if (strstr(*entry, "PROBE_SECRET")) return 1;
    return size > 0 && memmem(text, (size_t)size, "PROBE_SECRET", 12) != NULL;
}

/* Is any process of the machine's seen? */
static int foreign_process(void) {
    char path[300], name[32] = {0};
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
        int fd = open(path, O_RDONLY);
        if (fd < 0) continue;
        ssize_t size = read(fd, name, sizeof name - 1);
        close(fd);
        if (size > 0 && !strncmp(name, outsider, strlen(outsider))) return 1;
    }
    return 0;
}

static int reached(const char *before) {
    char path[256];
    snprintf(path, sizeof path, "%s%s", before, canary);
    return access(path, F_OK) == 0;
}

static int old_root(void) { return reached("/..") || reached("/proc/1/root") || reached("/proc/1/cwd/../.."); }

/* The classical way out of chroot(2): it leads to the root of the mount namespace. */
static int leave_root(void) {
    const char *at = place("root");
    int cwd = open("/", O_RDONLY | O_DIRECTORY);
    if (chroot(at) || fchdir(cwd)) return 0;
    for (int i = 0; i < 64; i++)
        if (chdir("..")) break;
    if (chroot(".")) return 0;
    return reached("");
}

static int pivot_again(void) {
    const char *at = place("pivot");
    if (mount(at, at, NULL, MS_BIND, NULL) || chdir(at)) return 0;
    return syscall(SYS_pivot_root, ".", ".") == 0;
}

static int join_namespace(void) {
    int fd = open("/proc/1/ns/mnt", O_RDONLY);
    return fd >= 0 && setns(fd, CLONE_NEWNS) == 0;
}

static int abstract_socket(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(listener);
    memcpy(address.sun_path + 1, listener, length);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return connect(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length)) == 0;
}

/* Of the machine, where its own tree is what a subhost sees. */
static int shadow(void) {
    char line[512];
    FILE *file = fopen("/etc/shadow", "r");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, secret, strlen(secret))) return 1;
    return 0;
}
static int host_keys(void) { return readable("/etc/ssh/ssh_host_ed25519_key") || readable("/etc/ssh/ssh_host_rsa_key"); }
static int home_of_root(void) { return access("/root/.bashrc", F_OK) == 0 && access("/root/.profile", F_OK) == 0; }

static int fork_bomb(void) {
    static pid_t children[FORKS];
    int count = 0;
    while (count < FORKS && (children[count] = fork()) > 0) count++;
    if (count < FORKS && children[count] == 0)
        for (;;) pause();
    for (int i = 0; i < count; i++) kill(children[i], SIGKILL);
    for (int i = 0; i < count; i++) waitpid(children[i], NULL, 0);
    return count == FORKS;
}

static const struct probe {
    const char *name;
    int (*run)(void);
} probes[] = {
#define PROBE(name) {#name, name}
    PROBE(mount_tmpfs), PROBE(mount_debugfs), PROBE(mount_tracefs), PROBE(mount_securityfs), PROBE(mount_cgroup2),
    PROBE(mount_new_api), PROBE(clone_tree), PROBE(bind_mount), PROBE(remount_root), PROBE(unmask), PROBE(release_agent),
    PROBE(make_device), PROBE(device_in_dev), PROBE(planted_device), PROBE(block_devices), PROBE(shocker),
    PROBE(core_pattern), PROBE(modprobe_path), PROBE(vm_settings), PROBE(sysrq), PROBE(irq_affinity), PROBE(sysfs),
    PROBE(firmware), PROBE(kernel_memory), PROBE(kernel_log), PROBE(timers), PROBE(keys_file), PROBE(acpi), PROBE(bpf_map),
    PROBE(perf), PROBE(user_keyring), PROBE(add_key), PROBE(set_clock), PROBE(load_module), PROBE(load_kernel),
    PROBE(swap_off), PROBE(reboot_machine), PROBE(accounting), PROBE(user_namespace), PROBE(mount_namespace),
    PROBE(fault_handler), PROBE(ring), PROBE(host_of_vm), PROBE(kernel_ciphers), PROBE(watch_filesystem),
    PROBE(clone_user_namespace), PROBE(clone3_user_namespace), PROBE(ports), PROBE(call_of_i386), PROBE(call_of_x32),
    PROBE(type_into_terminal), PROBE(inherited_descriptors), PROBE(environment_leak), PROBE(foreign_process),
    PROBE(old_root), PROBE(leave_root), PROBE(pivot_again), PROBE(join_namespace), PROBE(abstract_socket), PROBE(shadow),
    PROBE(host_keys), PROBE(home_of_root), PROBE(fork_bomb),
};

/* A probe that is killed, or hangs, has not come through. */
static int attempt(const struct probe *probe) {
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(LIMIT_S);
        /* Where a probe may mount, what it does to mounts is gone with it. */
        if (unshare(CLONE_NEWNS) == 0) mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
        _exit(MAYBE(probe->run()));
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static void count_inherited(void) {
    char path[64], text[256];
    for (int fd = 3; fd < 1024; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (readlink(path, text, sizeof text) > 0) inherited++;
    }
    inherited = inherited > 0;
}

/* As a start command it is given one more argument, and writes into a file. */
int main(int count, char **argument) {
    count_inherited();
    canary = count > 1 ? argument[1] : "/none";
    outsider = count > 2 ? argument[2] : "none";
    listener = count > 3 ? argument[3] : "none";
    secret = count > 4 ? argument[4] : "none";
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
        printf("%s %s\n", probes[i].name, attempt(&probes[i]) ? "open" : "closed");
        fflush(stdout);
    }
    return 0;
}
