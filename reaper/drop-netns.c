/* reaper drop-netns: takes their names from network namespaces that are still ours. `ip` does not know whose they are: somebody would
 * have to look into all of them first, and until it comes to a name another can be mounted there. */
#include "marks.h"
#include "modes.h"
#include "netlink.h"
#include "text.h"

enum { LOOPBACK = 1, AT_A_TIME = 4, MANY = 8 };

struct answer {
    const char *scope;
    bool is_ours;
};

static void take_loopback(const struct nlmsghdr *message, void *context) {
    struct answer *answer = context;
    const struct ifinfomsg *link = NLMSG_DATA(message);
    if (message->nlmsg_type != RTM_NEWLINK || link->ifi_index != LOOPBACK) return;
    const struct rtattr *alias = find_attribute(IFLA_RTA(link), IFLA_PAYLOAD(message), IFLA_IFALIAS);
    answer->is_ours = alias && is_mark(RTA_DATA(alias), answer->scope);
}

static bool is_ours(int netns, const char *scope) {
    struct answer answer = {.scope = scope};
    if (sys_setns(netns, CLONE_NEWNET) < 0) return false; /* a plain file, or a namespace of another kind */
    int netlink = open_netlink();
    if (netlink < 0) return false;
    dump(netlink, RTM_GETLINK, take_loopback, &answer);
    sys_close(netlink);
    return answer.is_ours;
}

/* What has been looked at is unmounted, and nothing that has come to its name since. */
static long unmount(int netns) {
    struct line path;
    clear_line(&path);
    add_text(&path, "/proc/self/fd/");
    add_number(&path, netns);
    return sys_umount2(as_path(&path), MNT_DETACH);
}

static bool drop(const char *path, const char *scope) {
    int netns = (int)sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
    if (netns < 0) return netns == -ENOENT;
    bool is_unmounted = is_ours(netns, scope) && unmount(netns) >= 0;
    sys_close(netns);
    if (!is_unmounted) return false;
    long error = sys_unlinkat(AT_FDCWD, path);
    return error >= 0 || error == -ENOENT;
}

static int drop_some(int count, char **name, const char *scope, int step) {
    int status = DONE;
    for (int i = 0; i < count; i += step) {
        struct line path;
        clear_line(&path);
        add_text(&path, "/run/netns/");
        add_text(&path, name[i]);
        bool fine = as_path(&path) && drop(path.text, scope);
        write_word(1, name[i], fine ? "ok" : "other");
        if (!fine) status = FAILED;
    }
    return status;
}

/* WORD: SCOPE NAME...: `other` is said of what is no namespace of that scope, or cannot be dropped as simply as that. For each name the
 * kernel waits for all processors to have gone on (synchronize_rcu_expedited); those who wait at the same time wait together. */
int drop_netns(int count, char **word) {
    int status = DONE, how, workers = count > MANY ? AT_A_TIME : 1;
    if (count < 2) return USAGE;
    for (int i = 1; i < count; i++)
        if (!is_file_name(word[i])) return USAGE;
    for (int i = 1; i < workers; i++) {
        long pid = sys_clone(SIGCHLD);
        if (pid == 0) sys_exit(drop_some(count - 1 - i, word + 1 + i, word[0], workers));
        if (pid < 0) status |= drop_some(count - 1 - i, word + 1 + i, word[0], workers);
    }
    status |= drop_some(count - 1, word + 1, word[0], workers);
    while (sys_wait4(-1, &how, 0) > 0) status |= how ? FAILED : DONE;
    return status;
}
