/* reaper drop-links: deletes links of the machine that are still ours. `ip` does not know whose they are: somebody would have to look
 * at all of them first, and until it comes to a link another can have taken its name. */
#include "marks.h"
#include "modes.h"
#include "netlink.h"
#include "text.h"

enum { MOST_LINKS = 1 << 14, FIRST_GROUP = 1 << 24, TRIES = 8 };

/* Of the links that are to go, in the order of their names. */
struct links {
    int count;
    char **name;
    unsigned mark, group; /* of all that is ours; of what is about to go, 0: there is none */
    struct {
        int index; /* 0: there is none of that name that is ours */
        bool has_alias;
        long error;
    } link[MOST_LINKS];
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
static long delete_links(int netlink, struct links *links) {
    int grouped = 0;
    long error = find_links(netlink, links);
    if (error < 0) return error;
    for (int i = 0; i < links->count; i++) {
        int index = links->link[i].index;
        bool is_grouped = index && links->group && links->link[i].has_alias && links->count > 1;
        if (is_grouped) grouped++;
        if (index) links->link[i].error = ask_for(netlink, is_grouped ? RTM_SETLINK : RTM_DELLINK, index, is_grouped ? links->group : 0);
    }
    return grouped ? ask_for(netlink, RTM_DELLINK, 0, links->group) : 0;
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
    long whole = netlink < 0 ? netlink : delete_links(netlink, &links);
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
