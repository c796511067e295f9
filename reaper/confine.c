/* What everything inside a subhost has to do without. */
#include <linux/capability.h>
#include <linux/keyctl.h>

#include "boot.h"
#include "process.h"
#include "text.h"

/* At exec, root gets back whatever is in the bounding set (capabilities(7)): so that set first. */
static long drop_bounding_set(uint64_t kept) {
    for (unsigned capability = 0; capability < 64; capability++) {
        long known = sys_prctl(PR_CAPBSET_READ, capability, 0);
        if (known == -EINVAL) return 0; /* past the kernel's last one */
        long error = kept >> capability & 1 ? 0 : sys_prctl(PR_CAPBSET_DROP, capability, 0);
        if (error < 0) return error;
    }
    return 0;
}

/* Of what is to be kept, what this process has itself: nobody can give more. */
static long keep_capabilities(uint64_t kept) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct own[2];
    long error = sys_capget(&header, own);
    if (error < 0) return error;
    unsigned low = (unsigned)kept & own[0].permitted, high = (unsigned)(kept >> 32) & own[1].permitted;
    struct __user_cap_data_struct data[2] = {{.effective = low, .permitted = low}, {.effective = high, .permitted = high}};
    return sys_capset(&header, data);
}

/* The filter while there is still the right to install it. */
void confine(const struct confinement *confinement, const char *mark) {
    must(mark, "seccomp", confinement->filtered ? deny_calls(confinement->kept) : 0, "");
    must(mark, "bounding", drop_bounding_set(confinement->kept), "");
    must(mark, "ambient", sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0), "");
    must(mark, "capset", keep_capabilities(confinement->kept), "");
    must(mark, "no_new_privs", confinement->no_new_privs ? sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0) : 0, "");
}

/* Nobody inside can add to what PID 1 has. */
long read_confinement(const char *pid, struct confinement *confinement) {
    char status[4096];
    long fd = open_proc_file(pid, "status", O_RDONLY);
    if (fd < 0) return fd;
    long length = sys_read((int)fd, status, sizeof status - 1);
    sys_close((int)fd);
    if (length < 0) return length;
    status[length] = 0;
    const char *bounding = find_after(status, "\nCapBnd:\t"), *seccomp = find_after(status, "\nSeccomp:\t");
    const char *no_new_privs = find_after(status, "\nNoNewPrivs:\t");
    if (!bounding || !seccomp || !no_new_privs || !parse_hex(bounding, &confinement->kept)) return -ESRCH;
    confinement->filtered = *seccomp != '0';
    confinement->no_new_privs = *no_new_privs == '1';
    return 0;
}

/* Both best effort: a kernel without audit or keys has nothing to forget. */
void forget_login(void) {
    /* The administrator's login has set the audit login uid of all that descends from it. sshd's
     * pam_loginuid inside would have to change it, which takes CAP_AUDIT_CONTROL: that is gone by
     * then, and every ssh login would fail. */
    long fd = sys_openat(AT_FDCWD, "/proc/self/loginuid", O_WRONLY | O_CLOEXEC, 0);
    if (fd >= 0) {
        sys_write((int)fd, "4294967295", 10);
        sys_close((int)fd);
    }
    sys_keyctl(KEYCTL_JOIN_SESSION_KEYRING, NULL);
}
