/* One subhost to boot, and the steps between clone and exec. */
#ifndef BOOT_H
#define BOOT_H

#include "sys.h"

struct spec {
    const char *mark, *netns, *live, *cgroup, *hostname, *run_size;
    char *start_ms, *stop_ms, *digest;
    char **entry;
    int entries;
};

/* Descriptors of the child while it prepares; PID 1 keeps STATUS_FD until its list is through. */
enum { STATUS_FD = 3, COMMIT_FD = 4, FIRST_FREE_FD = 5 };

/* Becomes the subhost's PID 1. FILES is the file limit to go back to. */
__attribute__((noreturn)) void go_inside(struct spec *spec, const struct rlimit64 *files);

/* RESULT, unless it is an error: then says so for MARK and ends. */
long must(const char *mark, const char *step, long result, const char *detail);

/* Mounts proc, sysfs, /dev and /run onto ROOT; gives the mount of /dev. */
int mount_inside(int root, const struct spec *spec);
/* What is at PATH below ROOT, no symlink on the way. */
long open_below(int root, const char *path, uint64_t flags, unsigned mode);
/* Copies this very program into the subhost, shows it there as /.reaper; gives what to execute. */
int place_image(int root, int dev, int program, const char *mark);

/* After this, no privilege of the machine is left. */
void drop_capabilities(const char *mark);
/* Login uid and session keyring are those of nobody. */
void forget_login(void);

#endif
