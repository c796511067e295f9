/* reaper drop-links: deletes links of the machine that are still ours. `ip` does not know whose they are: somebody would have to look
 * at all of them first, and until it comes to a link another can have taken its name. */
#include "marks.h"
#include "modes.h"
#include "netlink.h"
#include "text.h"

enum { MOST_LINKS = 1 << 14, FIRST_GROUP = 1 << 24, TRIES = 8, WAIT_NS = 500000 };

struct link {
    int index; /* 0: there is none of that name that is ours */
    bool has_alias, is_grouped;
    long error;
};

/* Of the links that are to go, in the order of their names. */
struct links {
    int count;
    char **name;
    unsigned mark, group; /* of all that is ours; of what is about to go, 0: there is none */
    struct link link[MOST_LINKS];
};

/* That a link cannot be deleted: which of them, and why. */
struct refusal {
    int which;
    long error;
};

static const struct rtattr *attribute_of(const struct nlmsghdr *message, unsigned short type) {
    return find_attribute(IFLA_RTA(NLMSG_DATA(message)), IFLA_PAYLOAD(message), type);
}

static const char *text_of(const struct nlmsghdr *message, unsigned short type) {
    const struct rtattr *text = attribute_of(message, type);
    return text ? RTA_DATA(text) : "";
}

/* Either half of its mark tells that it is ours. */
static void take_link(const struct nlmsghdr *message, void *context) {
    struct links *links = context;
    if (message->nlmsg_type != RTM_NEWLINK) return;
    unsigned group = number_of(attribute_of(message, IFLA_GROUP), 0);
    bool has_alias = is_mark(text_of(message, IFLA_IFALIAS), NULL);
    if (group == links->group) links->group = 0;
    if (!has_alias && group != links->mark) return;
    const char *name = text_of(message, IFLA_IFNAME);
    for (int i = 0; i < links->count; i++) {
        if (!same(name, links->name[i])) continue;
        links->link[i].index = ((const struct ifinfomsg *)NLMSG_DATA(message))->ifi_index;
        links->link[i].has_alias = has_alias;
    }
}

/* Gone already is fine: a cable goes with the last process of the subhost's network namespace, at any moment. */
static long ask_for(int netlink, unsigned short type, int index, unsigned group) {
    struct request request;
    struct ifinfomsg *link = begin_request(&request, type, 0, sizeof *link);
    link->ifi_index = index;
    if (group) add_attribute(&request, IFLA_GROUP, &group, sizeof group);
    long error = ask_kernel(netlink, &request.header);
    return error == -ENODEV ? 0 : error;
}

/* A list that changes while it is told may lack some. Where it never holds still, what is left is seen by the look after the run. */
static long find_links(int netlink, struct links *links) {
    long error = -EINTR;
    for (int tries = 0; error == -EINTR && tries < TRIES; tries++) error = dump(netlink, RTM_GETLINK, take_link, links);
    return error == -EINTR ? 0 : error;
}

/* The kernel waits for a grace period of RCU with each link that it deletes (16 ms), but only once for a whole group: so they are put
 * into a group of their own first. Killed in between, the alias still tells whose they are; without one the group has to. */
static int group_links(int netlink, struct links *links) {
    int grouped = 0;
    for (int i = 0; i < links->count; i++) {
        struct link *link = &links->link[i];
        link->is_grouped = link->index && links->group && link->has_alias && links->count > 1;
        if (!link->is_grouped) continue;
        link->error = ask_for(netlink, RTM_SETLINK, link->index, links->group);
        grouped++;
    }
    return grouped;
}

static long delete_links(int netlink, struct links *links, int grouped) {
    for (int i = 0; i < links->count; i++)
        if (links->link[i].index && !links->link[i].is_grouped) links->link[i].error = ask_for(netlink, RTM_DELLINK, links->link[i].index, 0);
    return grouped ? ask_for(netlink, RTM_DELLINK, 0, links->group) : 0;
}

/* The question is answered by the link, of which only the beginning matters, or by an error. */
static bool is_there(int netlink, int index) {
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
    } answer;
    struct request request;
    struct ifinfomsg *link = begin_request(&request, RTM_GETLINK, 0, sizeof *link);
    request.header.nlmsg_flags = NLM_F_REQUEST;
    link->ifi_index = index;
    if (sys_write(netlink, &request, request.header.nlmsg_len) < 0) return true;
    bool is_answered = sys_read(netlink, &answer, sizeof answer) == sizeof answer;
    return !is_answered || answer.header.nlmsg_type != NLMSG_ERROR || answer.error.error != -ENODEV;
}

/* When its links are gone for everybody, the kernel waits for another grace period, to free their memory (netdev_run_todo), and whoever
 * had them deleted with it: 14 ms. So that is a process of its own, which may take longer than we do. While it is at work we wait
 * for the kernel's lock on all links. */
static long delete_apart(int netlink, struct links *links, int grouped) {
    int ends[2], gone = 0;
    long error = 0, pid = sys_pipe2(ends, O_CLOEXEC) < 0 ? -1 : sys_clone(SIGCHLD);
    if (pid < 0) return delete_links(netlink, links, grouped);
    if (pid == 0) {
        for (int fd = 0; fd <= 2; fd++) sys_close(fd);
        error = delete_links(netlink, links, grouped);
        for (int i = 0; i < links->count; i++) {
            long one = links->link[i].error ? links->link[i].error : error;
            if (one) sys_write(ends[1], &(struct refusal){i, one}, sizeof(struct refusal));
        }
        sys_exit(DONE);
    }
    sys_close(ends[1]);
    struct pollfd over = {.fd = ends[0], .events = POLLIN};
    int other = open_netlink();
    while (other >= 0) {
        while (gone < links->count && (!links->link[gone].index || !is_there(other, links->link[gone].index))) gone++;
        if (gone == links->count) return 0;
        if (sys_ppoll(&over, 1, &(timespec){.tv_nsec = WAIT_NS}) != 0) break;
    }
    struct refusal refusal;
    while (sys_read(ends[0], &refusal, sizeof refusal) == sizeof refusal) links->link[refusal.which].error = refusal.error;
    return 0;
}

/* WORD: GROUP NAME...; GROUP: that of all links of ours. */
int drop_links(int count, char **word) {
    static struct links links;
    int64_t mark;
    int status = DONE;
    if (count < 2 || count > MOST_LINKS || !parse_number(word[0], &mark)) return USAGE;
    links.count = count - 1;
    links.name = word + 1;
    links.mark = (unsigned)mark;
    links.group = FIRST_GROUP + (unsigned)sys_getpid();
    int netlink = open_netlink();
    long whole = netlink < 0 ? netlink : find_links(netlink, &links);
    if (whole >= 0) whole = delete_apart(netlink, &links, group_links(netlink, &links));
    for (int i = 0; i < links.count; i++) {
        long error = links.link[i].error ? links.link[i].error : whole;
        if (error < 0)
            write_error(1, links.name[i], "delete", error, "");
        else
            write_word(1, links.name[i], "ok");
        if (error < 0) status = FAILED;
    }
    return status;
}
