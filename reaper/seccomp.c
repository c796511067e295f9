/* Which system calls nobody inside a subhost may make: those that reach what is not in a namespace, and those whose only
 * use to a service is to the one who broke into it. A deny-list: what is not named here is as the kernel has it. */
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "boot.h"

#define TIOCSTI 0x5412
#define TIOCLINUX 0x541c
enum { AF_ALG = 38, AF_VSOCK = 40 };
/* Lifted by no capability. */
enum { NEVER = 63 };

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
/* x32 has its calls from this bit on. */
#define FOREIGN_CALLS 0x40000000
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#endif

/* A call that fails with ERROR, unless the capability LIFTED_BY is kept inside: whoever gives that means this call. */
struct denied {
    unsigned short call, error;
    unsigned char lifted_by;
};

static const struct denied denied[] = {
    /* Opens any file of a filesystem by its number, whatever is mounted where. */
    {__NR_open_by_handle_at, EPERM, CAP_DAC_READ_SEARCH},
    /* The kernel itself. */
    {__NR_kexec_load, EPERM, CAP_SYS_BOOT},
#ifdef __NR_kexec_file_load
    {__NR_kexec_file_load, EPERM, CAP_SYS_BOOT},
#endif
    {__NR_init_module, EPERM, CAP_SYS_MODULE},
    {__NR_finit_module, EPERM, CAP_SYS_MODULE},
    {__NR_delete_module, EPERM, CAP_SYS_MODULE},
    {__NR_bpf, EPERM, CAP_BPF},
    {__NR_perf_event_open, EPERM, CAP_PERFMON},
    {__NR_syslog, EPERM, CAP_SYSLOG},
    {__NR_acct, EPERM, CAP_SYS_PACCT},
    {__NR_reboot, EPERM, CAP_SYS_BOOT},
    {__NR_swapon, EPERM, CAP_SYS_ADMIN},
    {__NR_swapoff, EPERM, CAP_SYS_ADMIN},
    {__NR_quotactl, EPERM, CAP_SYS_ADMIN},
    {__NR_quotactl_fd, EPERM, CAP_SYS_ADMIN},
#ifdef __NR_iopl
    {__NR_iopl, EPERM, CAP_SYS_RAWIO},
    {__NR_ioperm, EPERM, CAP_SYS_RAWIO},
#endif
    /* One clock for the whole machine. */
    {__NR_settimeofday, EPERM, CAP_SYS_TIME},
    {__NR_clock_settime, EPERM, CAP_SYS_TIME},
    /* Keys belong to a user of the machine, and root inside is root. ENOSYS: PAM takes it for a kernel without keys. */
    {__NR_keyctl, ENOSYS, NEVER},
    {__NR_add_key, ENOSYS, NEVER},
    {__NR_request_key, ENOSYS, NEVER},
    /* Means of many exploits, with a fallback in every program that uses them. */
    {__NR_userfaultfd, EPERM, CAP_SYS_PTRACE},
    {__NR_io_uring_setup, ENOSYS, CAP_SYS_ADMIN},
    {__NR_io_uring_enter, ENOSYS, CAP_SYS_ADMIN},
    {__NR_io_uring_register, ENOSYS, CAP_SYS_ADMIN},
    /* Its flags lie in memory, where no filter sees them. A libc falls back to clone. */
    {__NR_clone3, ENOSYS, CAP_SYS_ADMIN},
};

/* Denied for some values of an argument: with any of the bits of VALUE, or where its low half is VALUE. */
struct denied_value {
    unsigned short call, error;
    unsigned char argument, lifted_by;
    bool is_bits;
    unsigned value;
};

static const struct denied_value denied_values[] = {
    /* Root of a user namespace of one's own reaches much of the kernel that nobody else does. */
    {__NR_unshare, EPERM, 0, CAP_SYS_ADMIN, true, CLONE_NEWUSER},
    {__NR_clone, EPERM, 0, CAP_SYS_ADMIN, true, CLONE_NEWUSER},
    /* Types into the terminal of whoever looks in. */
    {__NR_ioctl, EPERM, 1, NEVER, false, TIOCSTI},
    {__NR_ioctl, EPERM, 1, NEVER, false, TIOCLINUX},
    /* Not in the network namespace: the way to the host of a virtual machine. */
    {__NR_socket, EAFNOSUPPORT, 0, NEVER, false, AF_VSOCK},
    /* The kernel's ciphers; programs have their own. */
    {__NR_socket, EAFNOSUPPORT, 0, NEVER, false, AF_ALG},
};

enum { COUNT = sizeof denied / sizeof *denied, VALUES = sizeof denied_values / sizeof *denied_values };

/* A classic BPF program; every jump in it is one of a few steps forward. */
struct filter {
    unsigned short length;
    struct sock_filter code[8 + 2 * COUNT + 5 * VALUES];
};

static void add(struct filter *filter, unsigned short code, unsigned value, unsigned char yes, unsigned char no) {
    filter->code[filter->length++] = (struct sock_filter){code, yes, no, value};
}

static void load(struct filter *filter, size_t offset) { add(filter, BPF_LD | BPF_W | BPF_ABS, (unsigned)offset, 0, 0); }

static void answer(struct filter *filter, unsigned what) { add(filter, BPF_RET | BPF_K, what, 0, 0); }

static void if_equal(struct filter *filter, unsigned value, unsigned char yes, unsigned char no) {
    add(filter, BPF_JMP | BPF_JEQ | BPF_K, value, yes, no);
}

/* Calls of another architecture have other numbers: what is started from a 32-bit program ends here. */
static void add_architecture(struct filter *filter) {
    load(filter, offsetof(struct seccomp_data, arch));
    if_equal(filter, NATIVE, 1, 0);
    answer(filter, SECCOMP_RET_KILL_PROCESS);
    load(filter, offsetof(struct seccomp_data, nr));
#ifdef FOREIGN_CALLS
    add(filter, BPF_JMP | BPF_JGE | BPF_K, FOREIGN_CALLS, 0, 1);
    answer(filter, SECCOMP_RET_ERRNO | ENOSYS);
#endif
}

/* The kernel looks at the low half of these arguments alone, and so must we. */
static void add_value(struct filter *filter, const struct denied_value *rule) {
    if_equal(filter, rule->call, 0, 4);
    load(filter, offsetof(struct seccomp_data, args) + rule->argument * sizeof(uint64_t));
    add(filter, BPF_JMP | BPF_K | (rule->is_bits ? BPF_JSET : BPF_JEQ), rule->value, 0, 1);
    answer(filter, SECCOMP_RET_ERRNO | rule->error);
    load(filter, offsetof(struct seccomp_data, nr));
}

static bool is_lifted(uint64_t kept, unsigned char capability) { return kept >> capability & 1; }

long deny_calls(uint64_t kept) {
    struct filter filter = {0};
    add_architecture(&filter);
    for (size_t i = 0; i < COUNT; i++) {
        if (is_lifted(kept, denied[i].lifted_by)) continue;
        if_equal(&filter, denied[i].call, 0, 1);
        answer(&filter, SECCOMP_RET_ERRNO | denied[i].error);
    }
    for (size_t i = 0; i < VALUES; i++)
        if (!is_lifted(kept, denied_values[i].lifted_by)) add_value(&filter, &denied_values[i]);
    answer(&filter, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = filter.length, .filter = filter.code};
    /* Without the flag, kernels before 5.16 make everything inside slower, which no mitigation of ours asks for. */
    return sys_seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program);
}
