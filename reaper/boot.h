/* One subhost to boot, and the steps between clone and exec. */
#ifndef BOOT_H
#define BOOT_H

#include "sys.h"

enum { MAX_SHARES = 64 };

/* A directory or file of the machine's that is seen inside at TARGET. A device is read-only, which keeps its owner and
 * mode, and can be used as one. */
struct share {
    const char *source, *target;
    bool read_only, device;
};

/* What everything inside a subhost has to do without. */
struct confinement {
    uint64_t kept;     /* capabilities, a bit each */
    bool filtered;     /* some system calls are denied */
    bool no_new_privs; /* nobody gains anything by an exec */
};

struct spec {
    struct confinement confinement;
    bool unmasked; /* nothing of the kernel is kept from it but what the confinement does */
    const char *mark, *netns, *live, *groups, *hostname, *run_size;
    char *start_ms, *stop_ms, *digest;
    char **entry;
    int entries;
    struct share share[MAX_SHARES];
    int shares;
    const char *end; /* the file that PID 1 says its end in, a page long; or NULL */
    /* Where /etc/network/interfaces is looked for, and its text if it is not there; NULL: left alone. */
    const char *upper, *interfaces;
    unsigned first_id;    /* see ids.h */
    const char *host_key; /* the text of one for a subhost that has none; or NULL */
};

/* Specs are separated by "--". False if these words are none. */
bool parse_spec(struct spec *spec, int count, char **word);
/* Words up to the next "--". */
int length_of_spec(int count, char **word);
/* Number of specs, or -1 if one of them is wrong. */
int count_specs(int count, char **word);
/* Of the spec with this index. */
const char *mark_of(int index, char **word);

/* Descriptors of the child while it prepares; PID 1 has END_FD too, and keeps STATUS_FD until its list is through. */
enum { STATUS_FD = 3, COMMIT_FD = 4, END_FD = 5, FIRST_FREE_FD = 6 };

/* GROUPS: folders of all groups that a process of a subhost is in, separated by ":"; its cgroup v2 first, then those of
 * v1 trees. This holds the first one, for clone3. */
long open_cgroup(const char *groups);
/* Goes into the others: by the time that nothing of the subhost's has been touched yet. */
void join_groups(const char *groups, const char *mark);

/* Becomes the subhost's PID 1. SLIM: see there; -1: it is in a copy of the machine's mounts already. */
__attribute__((noreturn)) void go_inside(struct spec *spec, int slim);

/* Makes a mount namespace with nothing but an empty folder, and gives a descriptor of it, FIRST_FREE_FD or higher; negative:
 * this machine allows none. */
long make_slim(void);
#define SLIM_ROOT "root"

/* RESULT, unless it is an error: then says so for MARK and ends. */
long must(const char *mark, const char *step, long result, const char *detail);
/* Where `must` says it; STATUS_FD unless told otherwise. */
void report_to(int fd);

/* Mounts proc, sysfs, /dev and /run onto ROOT; gives the mount of /dev. */
int mount_inside(int root, const struct spec *spec);
/* The same one by one, and what /dev holds: what is there of that stays. The umask has to be 0. */
void mount_proc(int root, const char *mark);
void mount_sysfs(int root, bool writable, const char *mark);
/* A tmpfs that stays empty, mounted nowhere yet. */
int make_empty(const char *mark);
/* Covers what a subhost does not need of /proc and /sys: PATH, or all if that is NULL. */
void mask_inside(int root, const char *path, const char *mark);
int mount_dev(int root, const char *mark);
void mount_pts(int root, unsigned first_id, const char *mark);
void mount_shm(int root, const char *mark);
void fill_dev(int dev, const char *mark);
/* What is at PATH below ROOT, no symlink on the way. */
long open_below(int root, const char *path, uint64_t flags, unsigned mode);
/* A file in FOLDER that appears at once and whole, and takes the place of the lower layer's. */
long write_file(int folder, const char *name, const char *text, unsigned mode);
/* From here on this process sees the mounts of a running subhost; gives its root. */
int enter_mounts(int pidfd, const char *pid);
/* Puts PID 1's program into the subhost, shows it there as /.reaper; gives what to execute. */
int place_image(int root, int dev, const char *mark);

/* WORD: SOURCE TARGET rw|ro|dev. False if these are none. */
bool parse_share(struct share *share, char **word);
/* Holds what is to be shared, in the machine's namespace; gives a mount that is nowhere yet. */
int open_share(const struct share *share, const char *mark);
/* Puts it into a subhost's ROOT and lets go of it. */
void place_share(int root, int tree, const struct share *share, const char *mark);

/* Asked in the machine's namespace: has the upper directory no /etc/network/interfaces? */
bool lacks_interfaces(const struct spec *spec);
/* Makes it, below the subhost's ROOT. */
long write_interfaces(int root, const char *text);

/* That of this program. */
void set_environment(char **list);
const char *find_variable(const char *name);
/* KEY as ssh's host key, below the subhost's ROOT, unless there is one. */
long write_host_key(int root, const char *key);

/* After this, no privilege of the machine is left but what is kept. */
void confine(const struct confinement *confinement, const char *mark);
/* That of PID 1 of a running subhost, from its /proc/PID/status. */
long read_confinement(const char *pid, struct confinement *confinement);
/* Installs the filter of system calls; without CAP_SYS_ADMIN the kernel takes none. KEPT lifts some denials. */
long deny_calls(uint64_t kept);
/* Login uid and session keyring are those of nobody. */
void forget_login(void);

#endif
