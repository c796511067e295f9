/* reaper look, reaper glance: links, addresses and routes of many network namespaces, each as a line of JSON after a line with the
 * namespace's name, or its path. One process for a thousand namespaces, where `ip` takes a thousand. Nothing is put together here:
 * what belongs to which link is told by index, and whoever reads it joins. */
#include "address.h"
#include "ids.h"
#include "json.h"
#include "look.h"
#include "modes.h"
#include "netlink.h"
#include "process.h"
#include "survey.h"
#include "text.h"

enum { LINK_UP = 1 }; /* IFF_UP; <linux/if.h> wants a libc */
enum { PROTOCOL = 11, KERNEL_LL = 3 }; /* IFA_PROTO, IFAPROT_KERNEL_LL: of Linux 5.18, which may be newer than the headers */
enum { TRIES = 8 };

static bool is_first, in_brief;

static void begin_object(bool *first) {
    put_text(is_first ? "{" : ",{");
    is_first = false;
    *first = true;
}

static void put_pair_number(const char *name, int64_t value, bool *first) {
    put_key(name, first);
    put_number(value);
}

static void put_pair(const char *name, const struct rtattr *attribute, bool *first) {
    if (!attribute) return;
    put_key(name, first);
    put_string(RTA_DATA(attribute), RTA_PAYLOAD(attribute));
}

typedef void format_address(struct address *address, const unsigned char *bytes, size_t size);

static void put_pair_address(const char *name, const struct rtattr *attribute, format_address *format, bool *first) {
    struct address address;
    if (!attribute) return;
    format(&address, RTA_DATA(attribute), RTA_PAYLOAD(attribute));
    put_key(name, first);
    put_string(address.text, sizeof address.text);
}

static const struct rtattr *link_attribute(const struct nlmsghdr *message, unsigned short type) {
    return find_attribute(IFLA_RTA(NLMSG_DATA(message)), IFLA_PAYLOAD(message), type);
}

static const struct rtattr *inside_of(const struct rtattr *attribute, unsigned short type) {
    return attribute ? find_attribute(RTA_DATA(attribute), (long)RTA_PAYLOAD(attribute), type) : NULL;
}

static const struct rtattr *kind_of(const struct nlmsghdr *message) {
    return inside_of(link_attribute(message, IFLA_LINKINFO), IFLA_INFO_KIND);
}

static void put_vlan(const struct nlmsghdr *message, bool *first) {
    const struct rtattr *kind = kind_of(message), *info = link_attribute(message, IFLA_LINKINFO);
    if (!kind || !same(RTA_DATA(kind), "vlan")) return;
    const struct rtattr *id = inside_of(inside_of(info, IFLA_INFO_DATA), IFLA_VLAN_ID);
    if (id) put_pair_number("vlan", *(const unsigned short *)RTA_DATA(id), first);
}

static void put_link(const struct nlmsghdr *message, void *context) {
    const struct ifinfomsg *info = NLMSG_DATA(message);
    bool first;
    (void)context;
    if (message->nlmsg_type != RTM_NEWLINK) return;
    begin_object(&first);
    put_pair_number("index", info->ifi_index, &first);
    put_pair("name", link_attribute(message, IFLA_IFNAME), &first);
    put_pair_number("up", info->ifi_flags & LINK_UP, &first);
    put_pair_number("mtu", number_of(link_attribute(message, IFLA_MTU), 0), &first);
    put_pair_number("peer", number_of(link_attribute(message, IFLA_LINK), 0), &first);
    put_pair_number("master", number_of(link_attribute(message, IFLA_MASTER), 0), &first);
    put_pair_number("group", number_of(link_attribute(message, IFLA_GROUP), 0), &first);
    put_pair_address("mac", link_attribute(message, IFLA_ADDRESS), format_hardware, &first);
    put_pair("alias", link_attribute(message, IFLA_IFALIAS), &first);
    if (link_attribute(message, IFLA_LINK_NETNSID)) put_pair_number("away", 1, &first);
    put_pair("kind", kind_of(message), &first);
    put_vlan(message, &first);
    put_text("}");
}

static const struct rtattr *address_attribute(const struct nlmsghdr *message, unsigned short type) {
    return find_attribute(IFA_RTA(NLMSG_DATA(message)), IFA_PAYLOAD(message), type);
}

/* Is it for one link alone? The kernel gives each link one of these. Before Linux 5.18 it does not tell which one that is. */
static bool is_local(const struct nlmsghdr *message) {
    const struct ifaddrmsg *info = NLMSG_DATA(message);
    const struct rtattr *protocol = address_attribute(message, PROTOCOL);
    bool is_narrow = info->ifa_scope == RT_SCOPE_LINK || info->ifa_scope == RT_SCOPE_SITE;
    return info->ifa_family == FAMILY_IPV6 && is_narrow && !(protocol && *(const unsigned char *)RTA_DATA(protocol) == KERNEL_LL);
}

/* Of those that count: the others each link has by itself. */
static void put_address(const struct nlmsghdr *message, void *context) {
    const struct ifaddrmsg *info = NLMSG_DATA(message);
    bool first;
    (void)context;
    if (message->nlmsg_type != RTM_NEWADDR) return;
    bool is_wide = info->ifa_scope == RT_SCOPE_UNIVERSE;
    if (!is_wide && !is_local(message)) return;
    /* IFA_ADDRESS is the other end's where the two differ. */
    const struct rtattr *local = address_attribute(message, IFA_LOCAL);
    if (!local) local = address_attribute(message, IFA_ADDRESS);
    begin_object(&first);
    put_pair_number("link", info->ifa_index, &first);
    put_pair_number("prefix", info->ifa_prefixlen, &first);
    put_pair_number("flags", number_of(address_attribute(message, IFA_FLAGS), info->ifa_flags), &first);
    put_pair_address("address", local, format_ip, &first);
    if (!is_wide) put_pair_number("scope", info->ifa_scope, &first);
    put_text("}");
}

/* Default routes are all that is asked for, and of others root inside may have made millions. Removed, one of a router's would be back
 * with its next advertisement. */
static void put_route(const struct nlmsghdr *message, void *context) {
    const struct rtmsg *info = NLMSG_DATA(message);
    bool first;
    (void)context;
    if (message->nlmsg_type != RTM_NEWROUTE || info->rtm_protocol == RTPROT_RA || info->rtm_dst_len) return;
    const struct rtattr *attributes = RTM_RTA(info);
    long size = RTM_PAYLOAD(message);
    if (number_of(find_attribute(attributes, size, RTA_TABLE), info->rtm_table) != RT_TABLE_MAIN) return;
    begin_object(&first);
    put_pair_number("link", number_of(find_attribute(attributes, size, RTA_OIF), 0), &first);
    put_pair_address("gateway", find_attribute(attributes, size, RTA_GATEWAY), format_ip, &first);
    put_text("}");
}

/* Where the list changes while it is told, it is told again, and again under its name: in JSON the last of several counts. When it
 * never holds still, what was told last is all that can be known, as with `ip`. */
static long put_list(int fd, const char *name, unsigned short type, take_message *take) {
    long error = -EINTR;
    for (int tries = 0; error == -EINTR && tries < TRIES; tries++) {
        is_first = true;
        put_text(",\"");
        put_text(name);
        put_text("\":[");
        error = dump(fd, type, take, NULL);
        put_text("]");
    }
    return error == -EINTR ? 0 : error;
}

struct netns {
    uint64_t inode; /* 0: that of the caller */
    unsigned first; /* see ids.h */
};

/* One line: {"inode":NUMBER,"first":ID,"links":[...],"addresses":[...],"routes":[...],"error":ERRNO} */
static void put_inside(int fd, struct netns netns) {
    put_text("{\"inode\":");
    put_number((int64_t)netns.inode);
    put_text(",\"first\":");
    put_number(netns.first);
    long error = put_list(fd, "links", RTM_GETLINK, put_link);
    long later = in_brief ? 0 : put_list(fd, "addresses", RTM_GETADDR, put_address);
    if (!error) error = later;
    if (!in_brief) later = put_list(fd, "routes", RTM_GETROUTE, put_route);
    put_text(",\"error\":");
    put_number(-(error ? error : later));
    put_text("}\n");
}

static void put_error(long error) {
    put_text("{\"error\":");
    put_number(-error);
    put_text("}\n");
}

/* ERROR: a negative errno, if the namespace could not be entered. */
static void put_netns(const char *name, long error, struct netns netns) {
    int fd = error < 0 ? (int)error : open_netlink();
    put_text(name);
    put_text("\n");
    if (fd >= 0) {
        put_inside(fd, netns);
        sys_close(fd);
    } else put_error(fd);
}

void look_in_brief(void) { in_brief = true; }

void look_here(const char *name) { put_netns(name, 0, (struct netns){0}); }

void look_at_process(const char *root, const char *owner) { (in_brief ? put_process_in_brief : put_process)(root, owner); }

void look_at(const char *name) {
    struct line path;
    struct netns seen = {0};
    struct statx status;
    clear_line(&path);
    if (*name != '/') add_text(&path, "/run/netns/");
    add_text(&path, name);
    /* A FIFO would be waited for. */
    long netns = as_path(&path) ? sys_openat(AT_FDCWD, path.text, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0) : -ENAMETOOLONG;
    long error = netns < 0 ? netns : sys_setns((int)netns, CLONE_NEWNET);
    if (error >= 0) error = sys_statx((int)netns, "", AT_EMPTY_PATH, STATX_INO, &status);
    if (error >= 0) seen.inode = status.stx_ino;
    long owner = error < 0 ? error : open_owner((int)netns, &seen.first);
    if (owner >= 0) sys_close((int)owner);
    if (netns >= 0) sys_close((int)netns);
    put_netns(name, error, seen);
}

enum { FAILED_BESIDE = 2, OUTPUT_FD = 3, WORDS_FD = 4 };

/* A program that is run meanwhile, with what it says on descriptors of its own: for Node, which is large, each program that it
 * starts costs as much as a look at a hundred namespaces. */
static long start_beside(char **argv) {
    char **env = argv;
    while (*env) env++;
    long pid = sys_clone(SIGCHLD);
    if (pid) return pid;
    sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0);
    sys_dup3(OUTPUT_FD, 1, 0);
    sys_dup3(WORDS_FD, 2, 0);
    sys_close_range(OUTPUT_FD, ~0U);
    set_mask(0);
    sys_execve(argv[0], argv, env + 1);
    sys_exit(FAILED);
}

static int find_end(int count, char **word, int from) {
    while (from < count && !same(word[from], "/")) from++;
    return from;
}

/* NAME... / ROOT OWNER... / PROGRAM ARGUMENT..., the second and third part perhaps left out: nothing in a folder has the name `/`. */
int look(int count, char **word) {
    int names = find_end(count, word, 0), owners = find_end(count, word, names + 1), status = 0;
    if (count < 1) return USAGE;
    long beside = owners + 1 < count ? start_beside(word + owners + 1) : 0;
    for (int i = 0; i < names; i++) look_at(word[i]);
    for (int i = names + 2; i < owners; i++) look_at_process(word[names + 1], word[i]);
    flush_json();
    if (!beside) return DONE;
    return beside > 0 && sys_wait4(beside, &status, 0) == beside && status == 0 ? DONE : FAILED_BESIDE;
}

/* The same in brief. */
int glance(int count, char **word) {
    look_in_brief();
    return look(count, word);
}
