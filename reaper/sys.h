/* The kernel without a libc: one stub per architecture, and a typed name for each call that is used.
 * Every call returns what the kernel returns: a value, or a negative errno. */
#ifndef SYS_H
#define SYS_H

#include <asm/errno.h>
#include <asm/statfs.h>
#include <asm/unistd.h>
#include <linux/close_range.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <linux/mman.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/personality.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/stat.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <linux/wait.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* umount2(2): not in the kernel's exported headers. */
#define MNT_DETACH 2
#define UMOUNT_NOFOLLOW 8
/* statvfs(3): the same. */
#define ST_RDONLY 1
/* memfd_create(2): of Linux 6.3, which may be newer than the headers. */
#ifndef MFD_EXEC
#define MFD_EXEC 0x10
#endif

#if defined(__x86_64__)
static inline long sys(long n, long a, long b, long c, long d, long e, long f) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
static inline long sys3(long n, long a, long b, long c) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}
static inline long sys4(long n, long a, long b, long c, long d) {
    register long r10 __asm__("r10") = d;
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
    return result;
}
#define ENTRY_POINT                                                                                \
    __asm__(".globl _start\n.section .text._start,\"ax\"\n_start:\n"                               \
            "xor %ebp,%ebp\nmov %rsp,%rdi\nand $-16,%rsp\ncall enter\n.previous")
#elif defined(__aarch64__)
static inline long sys(long n, long a, long b, long c, long d, long e, long f) {
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}
static inline long sys3(long n, long a, long b, long c) {
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
}
static inline long sys4(long n, long a, long b, long c, long d) {
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
}
#define ENTRY_POINT                                                                                \
    __asm__(".globl _start\n.section .text._start,\"ax\"\n_start:\n"                               \
            "mov x29,#0\nmov x30,#0\nmov x0,sp\nbl enter\n.previous")
#else
#error "no system call stub for this architecture"
#endif

/* With up to three or four arguments no more registers are set: it makes PID 1 fit into a page. */
#define SYS0(name) sys3(__NR_##name, 0, 0, 0)
#define SYS1(name, a) sys3(__NR_##name, (long)(a), 0, 0)
#define SYS2(name, a, b) sys3(__NR_##name, (long)(a), (long)(b), 0)
#define SYS3(name, a, b, c) sys3(__NR_##name, (long)(a), (long)(b), (long)(c))
#define SYS4(name, a, b, c, d) sys4(__NR_##name, (long)(a), (long)(b), (long)(c), (long)(d))
#define SYS5(name, a, b, c, d, e)                                                                  \
    sys(__NR_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

typedef uint64_t signal_set; /* the kernel's own set: 64 signals, no libc padding */
typedef struct __kernel_timespec timespec;

/* Processes. */
__attribute__((noreturn)) static inline void sys_exit(int status) {
    for (;;) SYS1(exit_group, status);
}
static inline long sys_getpid(void) { return SYS0(getpid); }
static inline long sys_getuid(void) { return SYS0(getuid); }
/* -1: that one stays as it is. */
static inline long sys_setresuid(unsigned real, unsigned effective, unsigned saved) {
    return SYS3(setresuid, real, effective, saved);
}
static inline long sys_setresgid(unsigned real, unsigned effective, unsigned saved) {
    return SYS3(setresgid, real, effective, saved);
}
static inline long sys_setfsuid(unsigned id) { return SYS1(setfsuid, id); }
static inline long sys_setfsgid(unsigned id) { return SYS1(setfsgid, id); }
static inline long sys_setgroups(size_t count, const unsigned *groups) { return SYS2(setgroups, count, groups); }
static inline long sys_personality(unsigned long flags) { return SYS1(personality, flags); }
static inline long sys_setsid(void) { return SYS0(setsid); }
static inline long sys_unshare(unsigned long flags) { return SYS1(unshare, flags); }
static inline long sys_setns(int fd, int type) { return SYS2(setns, fd, type); }
static inline long sys_clone3(struct clone_args *args) { return SYS2(clone3, args, sizeof *args); }
/* A child that is a copy, as fork(2) makes it. Its flags can be looked at, unlike those of clone3. */
static inline long sys_clone(unsigned long flags) { return SYS5(clone, flags, 0, 0, 0, 0); }
static inline long sys_execve(const char *path, char *const argv[], char *const env[]) {
    return SYS3(execve, path, argv, env);
}
static inline long sys_execveat(int fd, const char *path, char *const argv[], char *const env[],
                                int flags) {
    return SYS5(execveat, fd, path, argv, env, flags);
}
static inline long sys_wait4(long pid, int *status, int options) {
    return SYS4(wait4, pid, status, options, 0);
}
static inline long sys_prctl(int option, unsigned long a, unsigned long b) {
    return SYS5(prctl, option, a, b, 0, 0);
}
static inline long sys_seccomp(unsigned operation, unsigned flags, const void *program) {
    return SYS3(seccomp, operation, flags, program);
}
static inline long sys_capget(void *header, void *data) { return SYS2(capget, header, data); }
static inline long sys_capset(void *header, const void *data) {
    return SYS2(capset, header, data);
}
static inline long sys_keyctl(int option, const void *argument) {
    return SYS2(keyctl, option, argument);
}
static inline long sys_prlimit(int resource, const struct rlimit64 *set, struct rlimit64 *old) {
    return SYS4(prlimit64, 0, resource, set, old);
}
static inline long sys_lgetxattr(const char *path, const char *name, void *value, size_t size) {
    return SYS4(lgetxattr, path, name, value, size);
}
static inline long sys_uname(void *names) { return SYS1(uname, names); }
static inline long sys_sethostname(const char *name, size_t length) {
    return SYS2(sethostname, name, length);
}

/* Signals and time. */
static inline long sys_kill(long pid, int signal) { return SYS2(kill, pid, signal); }
static inline long sys_sigprocmask(int how, const signal_set *set) {
    return SYS4(rt_sigprocmask, how, set, 0, sizeof *set);
}
static inline long sys_sigaction(int signal, const void *action) {
    return SYS4(rt_sigaction, signal, action, 0, sizeof(signal_set));
}
static inline long sys_sigtimedwait(const signal_set *set, siginfo_t *info, const timespec *limit) {
    return SYS4(rt_sigtimedwait, set, info, limit, sizeof *set);
}
static inline long sys_pidfd_open(long pid) { return SYS2(pidfd_open, pid, 0); }
/* Since Linux 5.6; needs what ptrace(2) needs. */
static inline long sys_pidfd_getfd(int pidfd, int fd) { return SYS3(pidfd_getfd, pidfd, fd, 0); }
static inline long sys_pidfd_send_signal(int fd, int signal, const siginfo_t *info) {
    return SYS4(pidfd_send_signal, fd, signal, info, 0);
}
static inline long sys_clock_gettime(int clock, timespec *now) {
    return SYS2(clock_gettime, clock, now);
}
static inline long sys_ppoll(struct pollfd *fds, size_t count, const timespec *limit) {
    return SYS5(ppoll, fds, count, limit, 0, sizeof(signal_set));
}

/* Files. */
static inline long sys_read(int fd, void *to, size_t size) { return SYS3(read, fd, to, size); }
static inline long sys_write(int fd, const void *from, size_t size) {
    return SYS3(write, fd, from, size);
}
static inline long sys_pread(int fd, void *to, size_t size, uint64_t at) {
    return SYS4(pread64, fd, to, size, at);
}
static inline long sys_sendfile(int to, int from, size_t size) {
    return SYS4(sendfile, to, from, 0, size);
}
/* Shared, to be read and written. */
static inline long sys_mmap(size_t size, int fd) {
    return sys(__NR_mmap, 0, (long)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}
static inline long sys_munmap(void *at, size_t size) { return SYS2(munmap, at, size); }
static inline long sys_madvise(void *at, size_t size, int advice) { return SYS3(madvise, at, size, advice); }
static inline long sys_lseek(int fd, int64_t at) { return SYS3(lseek, fd, at, 0); }
static inline long sys_flock(int fd, int operation) { return SYS2(flock, fd, operation); }
static inline long sys_close(int fd) { return SYS1(close, fd); }
static inline long sys_close_range(unsigned first, unsigned last) {
    return SYS3(close_range, first, last, 0);
}
static inline long sys_dup3(int from, int to, int flags) { return SYS3(dup3, from, to, flags); }
static inline long sys_fcntl(int fd, int command, long argument) {
    return SYS3(fcntl, fd, command, argument);
}
static inline long sys_pipe2(int fds[2], int flags) { return SYS2(pipe2, fds, flags); }
static inline long sys_openat(int at, const char *path, int flags, unsigned mode) {
    return SYS4(openat, at, path, flags, mode);
}
static inline long sys_openat2(int at, const char *path, const struct open_how *how) {
    return SYS4(openat2, at, path, how, sizeof *how);
}
static inline long sys_statx(int at, const char *path, int flags, unsigned mask, struct statx *to) {
    return SYS5(statx, at, path, flags, mask, to);
}
static inline long sys_fstatfs(int fd, struct statfs *to) { return SYS2(fstatfs, fd, to); }
static inline long sys_faccessat(int at, const char *path) { return SYS3(faccessat, at, path, 0); }
static inline long sys_mkdirat(int at, const char *path, unsigned mode) {
    return SYS3(mkdirat, at, path, mode);
}
static inline long sys_mknodat(int at, const char *path, unsigned mode, unsigned device) {
    return SYS4(mknodat, at, path, mode, device);
}
static inline long sys_readlinkat(int at, const char *path, char *to, size_t size) {
    return SYS4(readlinkat, at, path, to, size);
}
static inline long sys_getdents64(int fd, void *to, size_t size) {
    return SYS3(getdents64, fd, to, size);
}
static inline long sys_symlinkat(const char *text, int at, const char *path) {
    return SYS3(symlinkat, text, at, path);
}
static inline long sys_unlinkat(int at, const char *path) { return SYS3(unlinkat, at, path, 0); }
static inline long sys_rmdirat(int at, const char *path) { return SYS3(unlinkat, at, path, AT_REMOVEDIR); }
static inline long sys_renameat(int at, const char *from, const char *to) {
    return SYS5(renameat2, at, from, at, to, 0);
}
static inline long sys_fchmod(int fd, unsigned mode) { return SYS2(fchmod, fd, mode); }
static inline long sys_fchown(int fd, unsigned uid, unsigned gid) { return SYS3(fchown, fd, uid, gid); }
static inline long sys_fsetxattr(int fd, const char *name, const void *value, size_t size) {
    return SYS5(fsetxattr, fd, name, value, size, 0);
}
static inline long sys_umask(unsigned mask) { return SYS1(umask, mask); }
static inline long sys_fchdir(int fd) { return SYS1(fchdir, fd); }
static inline long sys_chdir(const char *path) { return SYS1(chdir, path); }

/* Mounts. */
static inline long sys_mount(const char *source, const char *target, unsigned long flags) {
    return SYS5(mount, source, target, 0, flags, 0);
}
static inline long sys_umount2(const char *target, int flags) {
    return SYS2(umount2, target, flags);
}
static inline long sys_chroot(const char *root) { return SYS1(chroot, root); }
static inline long sys_pivot_root(const char *root, const char *old) {
    return SYS2(pivot_root, root, old);
}
static inline long sys_open_tree(int at, const char *path, unsigned flags) {
    return SYS3(open_tree, at, path, flags);
}
static inline long sys_move_mount(int from, int onto) {
    return SYS5(move_mount, from, "", onto, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}
static inline long sys_mount_setattr(int at, unsigned flags, const struct mount_attr *attributes) {
    return SYS5(mount_setattr, at, "", flags, attributes, sizeof *attributes);
}
static inline long sys_fsopen(const char *type) { return SYS2(fsopen, type, FSOPEN_CLOEXEC); }
static inline long sys_fspick(int at) {
    return SYS3(fspick, at, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
}
static inline long sys_fsconfig(int fs, unsigned command, const char *key, const char *value) {
    return SYS5(fsconfig, fs, command, key, value, 0);
}
static inline long sys_fsmount(int fs, unsigned attributes) {
    return SYS3(fsmount, fs, FSMOUNT_CLOEXEC, attributes);
}

static inline long sys_bpf(int command, void *attributes, size_t size) { return SYS3(bpf, command, attributes, size); }
static inline long sys_memfd_create(const char *name, unsigned flags) {
    return SYS2(memfd_create, name, flags);
}
static inline long sys_ioctl(int fd, unsigned long request, void *argument) {
    return SYS3(ioctl, fd, request, argument);
}
static inline long sys_signalfd4(int fd, const signal_set *set, int flags) {
    return SYS4(signalfd4, fd, set, sizeof *set, flags);
}

/* Sockets. */
static inline long sys_setsockopt(int fd, int level, int name, const void *value, size_t size) {
    return SYS5(setsockopt, fd, level, name, value, size);
}
static inline long sys_socket(int family, int type, int protocol) {
    return SYS3(socket, family, type, protocol);
}
enum { AF_UNIX = 1, SOCK_STREAM = 1, SOCK_CLOEXEC = O_CLOEXEC }; /* unix(7), socket(2) */
static inline long sys_socketpair(int family, int type, int ends[2]) {
    return SYS4(socketpair, family, type, 0, ends);
}
static inline long sys_bind(int fd, const void *address, size_t size) {
    return SYS3(bind, fd, address, size);
}

/* Moves of files. */
static inline long sys_inotify_init1(int flags) { return SYS1(inotify_init1, flags); }
static inline long sys_inotify_add_watch(int fd, const char *path, unsigned events) {
    return SYS3(inotify_add_watch, fd, path, events);
}

#endif
