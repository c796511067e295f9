/* reaper unname: takes their names from network namespaces, wherever these are mounted on them.
 * reaper netns: makes network namespaces that carry their mark before they have a name. `ip netns add`
 * publishes the name first; killed in between, it leaves a namespace that nobody owns. */
#include "ids.h"
#include "modes.h"
#include "netlink.h"
#include "process.h"
#include "text.h"

enum { LINK_UP = 1, LOOPBACK = 1 }; /* IFF_UP; <linux/if.h> wants a libc */

/* lo up and its alias in one message; lo is always link 1. */
static long mark_loopback(const char *mark) {
    struct request request;
    size_t length = length_of(mark);
    if (length > 255) return -ENAMETOOLONG; /* IFALIASZ - 1 */
    struct ifinfomsg *link = begin_request(&request, RTM_NEWLINK, 0, sizeof *link);
    *link = (struct ifinfomsg){.ifi_index = LOOPBACK, .ifi_flags = LINK_UP, .ifi_change = LINK_UP};
    add_attribute(&request, IFLA_IFALIAS, mark, length);
    int fd = open_netlink();
    if (fd < 0) return fd;
    long error = ask_kernel(fd, &request.header);
    sys_close(fd);
    return error;
}

/* O_EXCL: what is there already is somebody else's, or residue that the caller removes knowingly. */
static const char *publish(const char *path, long *error) {
    *error = sys_mkdirat(AT_FDCWD, "/run/netns", 0755);
    if (*error < 0 && *error != -EEXIST) return "mkdir";
    *error = sys_openat(AT_FDCWD, path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0);
    if (*error < 0) return "open";
    sys_close((int)*error);
    *error = sys_mount("/proc/thread-self/ns/net", path, MS_BIND);
    if (*error >= 0) return NULL;
    sys_unlinkat(AT_FDCWD, path);
    return "mount";
}

/* A namespace belongs to the user namespace that it is born in, for ever: whose root rules over its links and settings. */
static long enter_new(unsigned first) {
    if (first == 0) return sys_unshare(CLONE_NEWNET);
    long netns = make_ids(first, true);
    if (netns < 0) return netns;
    long error = sys_setns((int)netns, CLONE_NEWNET);
    sys_close((int)netns);
    return error;
}

static const char *make_one(const char *path, const char *mark, unsigned first, long *error) {
    *error = enter_new(first);
    if (*error < 0) return "unshare";
    *error = mark_loopback(mark);
    if (*error < 0) return "mark";
    return publish(path, error);
}

static int report_one(const char *name, const char *mark, unsigned first) {
    struct line path;
    long error = 0;
    clear_line(&path);
    add_text(&path, "/run/netns/");
    add_text(&path, name);
    const char *step = as_path(&path) ? make_one(path.text, mark, first, &error) : "name";
    if (path.cut) error = -ENAMETOOLONG;
    if (step)
        write_error(1, name, step, error, path.text);
    else
        write_word(1, name, "ok");
    return step ? FAILED : DONE;
}

/* WORD: NAME MARK FIRST, any number of times; FIRST: see ids.h. */
int make_netns(int count, char **word) {
    int status = DONE;
    int64_t first;
    if (count < 3 || count % 3) return USAGE;
    for (int i = 0; i < count; i += 3)
        if (!is_file_name(word[i]) || !parse_number(word[i + 2], &first) || first > UINT32_MAX) return USAGE;
    for (int i = 0; i < count; i += 3) {
        parse_number(word[i + 2], &first);
        status |= report_one(word[i], word[i + 1], (unsigned)first);
    }
    return status;
}

/* A name on which something is mounted cannot be removed (EBUSY), and what is mounted there need not be within reach of
 * any path: `ip netns add` binds /run/netns onto itself unless it is a mount point already, and where mounts are
 * private, what was in it before is mounted twice from then on, once beneath. A copy of /run in a chroot is another. But
 * only mounts of one's own namespace count, and a name that is removed loses its mounts in all others. So it is removed
 * from a namespace in which nothing is mounted any more. */
static const char *unname_one(const char *name, long *error) {
    *error = sys_unshare(CLONE_NEWNS);
    if (*error < 0) return "unshare";
    *error = sys_mount(NULL, "/", MS_REC | MS_PRIVATE);
    if (*error < 0) return "private";
    int folder = (int)(*error = sys_openat(AT_FDCWD, "/run/netns", O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
    if (*error == -ENOENT) return NULL;
    if (*error < 0) return "open";
    *error = sys_umount2("/", MNT_DETACH);
    if (*error >= 0) *error = sys_unlinkat(folder, name);
    sys_close(folder);
    return *error < 0 && *error != -ENOENT ? "unlink" : NULL;
}

int unname_netns(int count, char **word) {
    int status = DONE;
    for (int i = 0; i < count; i++)
        if (!is_file_name(word[i])) return USAGE;
    int machine = (int)sys_openat(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC, 0);
    for (int i = 0; i < count; i++) {
        long error = sys_setns(machine, CLONE_NEWNS);
        const char *step = error < 0 ? "setns" : unname_one(word[i], &error);
        if (step)
            write_error(1, word[i], step, error, "/run/netns");
        else
            write_word(1, word[i], "ok");
        status |= step ? FAILED : DONE;
    }
    return count ? status : USAGE;
}
