#include "ids.h"

#include <linux/capability.h>

#include "boot.h"
#include "process.h"
#include "text.h"

/* <linux/nsfs.h>, which older headers have without the second. */
#define NS_GET_USERNS 0xb701
#define NS_GET_OWNER_UID 0xb704

enum { COUNT = 65536, OTHER = 1, SAME = -1 };

/* Effective ones go with the user id that files are made with, permitted ones stay. */
static long raise_capabilities(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct own[2];
    long error = sys_capget(&header, own);
    for (int i = 0; i < 2; i++) own[i].effective = own[i].permitted;
    return error < 0 ? error : sys_capset(&header, own);
}

long own_files_as(unsigned first) {
    if (first == 0) return 0;
    /* Both give the old id, and say nothing of a failure: with our privileges there is none. */
    sys_setfsgid(first);
    sys_setfsuid(first);
    return raise_capabilities();
}

void join_ids(int userns, const char *mark) {
    must(mark, "userns", sys_setns(userns, CLONE_NEWUSER), "");
    must(mark, "userns", sys_setgroups(0, NULL), "");
    must(mark, "userns", sys_setresgid(0, 0, 0), "");
    must(mark, "userns", sys_setresuid(0, 0, 0), "");
}

/* Of a user namespace: who made it is who its ids begin with. What is compared with is asked for once: who joins another one asks
 * no more. */
static long first_of(int userns, unsigned *first) {
    static struct statx own;
    struct statx other;
    long error = own.stx_ino ? 0 : sys_statx(AT_FDCWD, "/proc/self/ns/user", 0, STATX_INO, &own);
    if (error >= 0) error = sys_statx(userns, "", AT_EMPTY_PATH, STATX_INO, &other);
    if (error < 0) return error;
    *first = 0;
    if (own.stx_ino == other.stx_ino) return 0;
    error = sys_ioctl(userns, NS_GET_OWNER_UID, first);
    if (*first < COUNT || *first % COUNT) *first = OTHER;
    return error;
}

long open_owner(int namespace, unsigned *first) {
    long userns = sys_ioctl(namespace, NS_GET_USERNS, NULL);
    if (userns < 0) return userns;
    long error = first_of((int)userns, first);
    if (error >= 0) return userns;
    sys_close((int)userns);
    return error;
}

long read_ids(const char *pid, unsigned *first) {
    long userns = open_proc_file(pid, "ns/user", O_RDONLY);
    if (userns < 0) return userns;
    long error = first_of((int)userns, first);
    sys_close((int)userns);
    return error;
}

/* The child of this: it waits for its ids, then it is there for as long as it takes to open what it has made. */
__attribute__((noreturn)) static void hold(unsigned first, bool net, int in, int out) {
    char byte = 0;
    long error = sys_setresuid((unsigned)SAME, first, (unsigned)SAME);
    if (error >= 0) error = raise_capabilities();
    if (error >= 0) error = sys_unshare(CLONE_NEWUSER);
    if (error >= 0) error = sys_write(out, &byte, 1);
    if (error >= 0) error = sys_read(in, &byte, 1) == 1 ? 0 : -EPIPE;
    /* Now that it has owners: the kernel asks for them when it makes the settings of a network namespace. */
    if (error >= 0 && net) error = sys_unshare(CLONE_NEWNET);
    if (error >= 0) error = sys_write(out, &byte, 1);
    if (error >= 0) sys_read(in, &byte, 1);
    sys_exit((int)-error);
}

static long write_map(const char *pid, const char *name, unsigned first) {
    struct line map;
    clear_line(&map);
    add_text(&map, "0 ");
    add_number(&map, first);
    add_text(&map, " ");
    add_number(&map, COUNT);
    long fd = open_proc_file(pid, name, O_WRONLY);
    if (fd < 0) return fd;
    long error = sys_write((int)fd, map.text, map.length);
    sys_close((int)fd);
    return error;
}

static long open_made(const char *pid, unsigned first, bool net, int in, int out) {
    char byte = 0;
    if (sys_read(in, &byte, 1) != 1) return -ECHILD;
    long error = write_map(pid, "uid_map", first);
    if (error >= 0) error = write_map(pid, "gid_map", first);
    if (error >= 0) error = sys_write(out, &byte, 1);
    if (error >= 0) error = sys_read(in, &byte, 1) == 1 ? 0 : -ECHILD;
    return error < 0 ? error : open_proc_file(pid, net ? "ns/net" : "ns/user", O_RDONLY);
}

/* What the child has failed with is its exit status. */
static long take_child(long child, long made) {
    int status = 0;
    sys_wait4(child, &status, __WALL);
    return made == -ECHILD && exit_status(status) ? -exit_status(status) : made;
}

long make_ids(unsigned first, bool net) {
    int down[2], up[2];
    struct line pid;
    long error = sys_pipe2(down, O_CLOEXEC);
    if (error < 0) return error;
    error = sys_pipe2(up, O_CLOEXEC);
    long child = error < 0 ? error : sys_clone(SIGCHLD);
    if (child == 0) {
        /* Whoever has started it may be killed: then its pipe ends, and so does this. */
        sys_close(down[1]);
        sys_close(up[0]);
        hold(first, net, down[0], up[1]);
    }
    sys_close(down[0]);
    if (error >= 0) sys_close(up[1]);
    clear_line(&pid);
    add_number(&pid, child);
    long made = child < 0 ? child : open_made(as_path(&pid), first, net, up[0], down[1]);
    sys_close(down[1]);
    if (error >= 0) sys_close(up[0]);
    return child < 0 ? child : take_child(child, made);
}
