/* What everything inside a subhost has to do without. */
#include <linux/capability.h>
#include <linux/keyctl.h>

#include "boot.h"

/* Docker's default set without CAP_MKNOD, with CAP_NET_ADMIN. */
#define KEPT 0xa00435fbU

/* At exec, root gets back whatever is in the bounding set (capabilities(7)): so that set first. */
static long drop_bounding_set(void) {
    for (unsigned capability = 0; capability < 64; capability++) {
        bool kept = capability < 32 && KEPT >> capability & 1;
        long known = sys_prctl(PR_CAPBSET_READ, capability, 0);
        if (known == -EINVAL) return 0; /* past the kernel's last one */
        long error = kept ? 0 : sys_prctl(PR_CAPBSET_DROP, capability, 0);
        if (error < 0) return error;
    }
    return 0;
}

void drop_capabilities(const char *mark) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{.effective = KEPT, .permitted = KEPT}};
    must(mark, "bounding", drop_bounding_set(), "");
    must(mark, "ambient", sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0), "");
    must(mark, "capset", sys_capset(&header, data), "");
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
