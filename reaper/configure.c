/* reaper configure: links, addresses and default routes in many network namespaces. `ip` can do one namespace
 * in one process. */
#include "configure.h"
#include "modes.h"
#include "netlink.h"
#include "process.h"
#include "text.h"

/* <linux/if.h>, <sys/socket.h> and <linux/sockios.h> want a libc or are another's. */
enum { LINK_UP = 1, GET_INDEX = 0x8933, NAME_SIZE = 16 };
enum { WORDS = 4 };

/* Netlink of the namespace that we were started in. */
static int machine;

static int digit_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool parse_bytes(const char *text, struct bytes *bytes) {
    *bytes = (struct bytes){.size = 0};
    while (*text && *text != '/') {
        int high = digit_of(text[0]), low = high < 0 ? -1 : digit_of(text[1]);
        if (low < 0 || bytes->size == MAX_BYTES) return false;
        bytes->byte[bytes->size++] = (unsigned char)(high << 4 | low);
        text += 2;
    }
    return *text == 0 || parse_number(text + 1, &bytes->prefix);
}

static int family_of(const struct bytes *bytes) { return bytes->size == 4 ? FAMILY_IPV4 : FAMILY_IPV6; }

static struct ifinfomsg *begin_link(struct request *request, const struct place *place) {
    struct ifinfomsg *link = begin_request(request, RTM_NEWLINK, 0, sizeof *link);
    link->ifi_index = place->index;
    return link;
}

static long set_up(const struct place *place, const char *argument) {
    struct request request;
    struct ifinfomsg *link = begin_link(&request, place);
    link->ifi_flags = same(argument, "up") ? LINK_UP : 0;
    link->ifi_change = LINK_UP;
    return ask_kernel(place->fd, &request.header);
}

static long set_name(const struct place *place, const char *argument) {
    struct request request;
    begin_link(&request, place);
    add_attribute(&request, IFLA_IFNAME, argument, length_of(argument) + 1);
    return ask_kernel(place->fd, &request.header);
}

long set_alias(const struct place *place, const char *argument) {
    struct request request;
    begin_link(&request, place);
    add_attribute(&request, IFLA_IFALIAS, argument, length_of(argument));
    return ask_kernel(place->fd, &request.header);
}

static long set_mac(const struct place *place, const char *argument) {
    struct request request;
    struct bytes mac;
    if (!parse_bytes(argument, &mac)) return -EINVAL;
    begin_link(&request, place);
    add_attribute(&request, IFLA_ADDRESS, mac.byte, mac.size);
    return ask_kernel(place->fd, &request.header);
}

static long set_mtu(const struct place *place, const char *argument) {
    struct request request;
    int64_t value;
    if (!parse_number(argument, &value)) return -EINVAL;
    unsigned mtu = (unsigned)value;
    begin_link(&request, place);
    add_attribute(&request, IFLA_MTU, &mtu, sizeof mtu);
    return ask_kernel(place->fd, &request.header);
}

/* Without duplicate address detection: it would keep an IPv6 address unusable for a second. */
static long change_address(const struct place *place, unsigned short type, unsigned short flags, const char *argument) {
    struct request request;
    struct bytes address;
    const unsigned no_detection = IFA_F_NODAD;
    if (!parse_bytes(argument, &address)) return -EINVAL;
    struct ifaddrmsg *head = begin_request(&request, type, flags, sizeof *head);
    head->ifa_family = (unsigned char)family_of(&address);
    head->ifa_prefixlen = (unsigned char)address.prefix;
    head->ifa_index = (unsigned)place->index;
    add_attribute(&request, IFA_LOCAL, address.byte, address.size);
    add_attribute(&request, IFA_ADDRESS, address.byte, address.size);
    if (head->ifa_family == FAMILY_IPV6) add_attribute(&request, IFA_FLAGS, &no_detection, sizeof no_detection);
    return ask_kernel(place->fd, &request.header);
}

static long add_address(const struct place *place, const char *argument) {
    return change_address(place, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, argument);
}

static long remove_address(const struct place *place, const char *argument) {
    long error = change_address(place, RTM_DELADDR, 0, argument);
    return error == -EADDRNOTAVAIL ? 0 : error;
}

static long change_gateway(const struct place *place, unsigned short type, unsigned short flags, const char *argument) {
    struct request request;
    struct bytes gateway;
    if (!parse_bytes(argument, &gateway)) return -EINVAL;
    struct rtmsg *head = begin_request(&request, type, flags, sizeof *head);
    head->rtm_family = (unsigned char)family_of(&gateway);
    head->rtm_table = RT_TABLE_MAIN;
    bool adds = type == RTM_NEWROUTE;
    head->rtm_protocol = adds ? RTPROT_BOOT : RTPROT_UNSPEC;
    head->rtm_scope = adds ? RT_SCOPE_UNIVERSE : RT_SCOPE_NOWHERE;
    head->rtm_type = adds ? RTN_UNICAST : RTN_UNSPEC;
    add_attribute(&request, RTA_GATEWAY, gateway.byte, gateway.size);
    add_attribute(&request, RTA_OIF, &place->index, sizeof place->index);
    return ask_kernel(place->fd, &request.header);
}

static long add_gateway(const struct place *place, const char *argument) {
    return change_gateway(place, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, argument);
}

static long remove_gateway(const struct place *place, const char *argument) {
    long error;
    /* There may be one for each metric. */
    while ((error = change_gateway(place, RTM_DELROUTE, 0, argument)) >= 0) {}
    return error == -ESRCH ? 0 : error;
}

static const struct {
    const char *name;
    long (*run)(const struct place *place, const char *argument);
} orders[] = {
    {"state", set_up},           {"name", set_name},
    {"mac", set_mac},            {"mtu", set_mtu},
    {"address", add_address},    {"no-address", remove_address},
    {"gateway", add_gateway},    {"no-gateway", remove_gateway},
};

long find_index(int fd, const char *name) {
    struct {
        char name[NAME_SIZE];
        int index;
        char rest[20];
    } request = {.index = 0}; /* struct ifreq, netdevice(7) */
    size_t length = length_of(name);
    if (length >= NAME_SIZE) return -ENAMETOOLONG;
    for (size_t i = 0; i < length; i++) request.name[i] = name[i];
    long error = sys_ioctl(fd, GET_INDEX, &request);
    return error < 0 ? error : request.index;
}

static int enter(const char *name, struct place *place) {
    struct line path;
    clear_line(&path);
    add_text(&path, "/run/netns/");
    add_text(&path, name);
    long netns = as_path(&path) ? sys_openat(AT_FDCWD, path.text, O_RDONLY | O_CLOEXEC, 0) : -ENAMETOOLONG;
    if (netns < 0) return (int)netns;
    place->netns = (int)netns;
    long error = sys_setns((int)netns, CLONE_NEWNET);
    return error < 0 ? (int)error : open_netlink();
}

static void leave(struct place *place) {
    if (place->fd >= 0) sys_close(place->fd);
    if (place->netns >= 0) sys_close(place->netns);
    place->netns = -1;
}

static long obey(struct place *place, char **word) {
    if (place->fd < 0) return place->fd;
    if (same(word[0], "cable")) return make_cable(machine, place, word[2], word[3]);
    long index = find_index(place->fd, word[2]);
    if (index < 0) return index;
    place->index = (int)index;
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        if (same(word[0], orders[i].name)) return orders[i].run(place, word[3]);
    return -ENOSYS;
}

static void report(char **word, long error) {
    struct line detail;
    clear_line(&detail);
    add_text(&detail, word[2]);
    add_text(&detail, " ");
    add_text(&detail, word[3]);
    if (*kernel_words()) add_text(&detail, ": ");
    add_text(&detail, kernel_words());
    write_error(1, word[1], word[0], error, as_path(&detail));
}

/* WORD, by fours: `in - NETNS -`, then orders `ORDER KEY LINK ARGUMENT`. What follows a
 * failed one of the same KEY is left out. Only errors are told. */
int configure(int count, char **word) {
    struct place place = {.fd = -ENOENT, .netns = -1};
    const char *failed = "";
    int status = DONE;
    if (count % WORDS) return USAGE;
    machine = open_netlink();
    for (; count; count -= WORDS, word += WORDS) {
        if (same(word[0], "in")) {
            leave(&place);
            place.fd = enter(word[2], &place);
            continue;
        }
        if (same(word[1], failed)) continue;
        long error = obey(&place, word);
        if (error >= 0) continue;
        report(word, error);
        failed = word[1];
        status = FAILED;
    }
    return status;
}
