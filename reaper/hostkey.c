/* A host key for a subhost that starts ssh and sees none: those of the machine are hidden from it. */
#include "boot.h"
#include "text.h"

static char **environment;

void set_environment(char **list) { environment = list; }

/* The value of a variable, or NULL. A key is no argument: those can be read by everybody. */
const char *find_variable(const char *name) {
    size_t length = length_of(name);
    for (char **one = environment; one && *one; one++)
        if (starts_with(*one, name) && (*one)[length] == '=') return *one + length + 1;
    return NULL;
}

/* The kinds that sshd looks for, sshd_config(5) HostKey. Whatever is there, be it a link, is the subhost's own. */
static bool has_key(int folder) {
    static const char *const names[] = {"ssh_host_rsa_key", "ssh_host_ecdsa_key", "ssh_host_ed25519_key"};
    struct statx status;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sys_statx(folder, names[i], AT_SYMLINK_NOFOLLOW, STATX_TYPE, &status) != -ENOENT) return true;
    return false;
}

long write_host_key(int root, const char *key) {
    long folder = open_below(root, "etc/ssh", O_PATH | O_DIRECTORY, 0);
    if (folder < 0) return folder == -ENOENT ? 0 : folder;
    long error = has_key((int)folder) ? 0 : write_file((int)folder, "ssh_host_ed25519_key", key, 0600);
    sys_close((int)folder);
    return error;
}
