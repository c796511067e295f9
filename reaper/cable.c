/* A cable between two network namespaces, with one message to the kernel where `ip` needs a process for its lines, and a
 * question for each name in them. */
#include <linux/if_link.h>
#include <linux/veth.h>

#include "configure.h"
#include "netlink.h"
#include "text.h"

enum { LINK_UP = 1, MAX_TEXT = 512 }; /* IFF_UP; <linux/if.h> wants a libc */
enum { INSIDE, BRIDGE, MTU, MAC, GROUP, ALIAS, WORDS };

static bool split_words(const char *from, char *text, char **word) {
    int count = 0;
    size_t size = length_of(from) + 1;
    if (size > MAX_TEXT) return false;
    for (size_t i = 0; i < size; i++) text[i] = from[i] == ' ' ? 0 : from[i];
    for (size_t at = 0; at < size; at += length_of(text + at) + 1) {
        if (count == WORDS) return false;
        word[count++] = text + at;
    }
    return count == WORDS;
}

static bool is_given(const char *word) { return !same(word, "-"); }

static struct rtattr *begin_nest(struct request *request, unsigned short type) {
    struct rtattr *nest = (struct rtattr *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));
    add_attribute(request, type, NULL, 0);
    return nest;
}

static void end_nest(struct request *request, struct rtattr *nest) {
    nest->rta_len = (unsigned short)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len) - (char *)nest);
}

static void add_word(struct request *request, unsigned short type, const char *word) {
    add_attribute(request, type, word, length_of(word) + 1);
}

static bool add_number_word(struct request *request, unsigned short type, const char *word) {
    int64_t value;
    if (!is_given(word)) return true;
    if (!parse_number(word, &value)) return false;
    unsigned number = (unsigned)value;
    add_attribute(request, type, &number, sizeof number);
    return true;
}

/* One of each, which is what an end has anyway: the kernel makes one for every processor and goes back to one when the end is
 * registered, for which it waits until all processors have gone on (synchronize_net), with the lock of all links in its hands. */
static void add_queues(struct request *request) {
    const unsigned one = 1;
    add_attribute(request, IFLA_NUM_TX_QUEUES, &one, sizeof one);
    add_attribute(request, IFLA_NUM_RX_QUEUES, &one, sizeof one);
}

/* The end inside: what it is called, and where it is. It cannot come up before its own end is there. */
static bool add_peer(struct request *request, char **word, int netns) {
    struct bytes mac;
    const struct ifinfomsg peer = {.ifi_index = 0};
    if (is_given(word[MAC]) && !parse_bytes(word[MAC], &mac)) return false;
    struct rtattr *nest = begin_nest(request, VETH_INFO_PEER);
    struct ifinfomsg *head = (struct ifinfomsg *)((char *)request + request->header.nlmsg_len);
    *head = peer;
    request->header.nlmsg_len += (unsigned)sizeof peer;
    add_word(request, IFLA_IFNAME, word[INSIDE]);
    if (is_given(word[MAC])) add_attribute(request, IFLA_ADDRESS, mac.byte, mac.size);
    add_attribute(request, IFLA_NET_NS_FD, &netns, sizeof netns);
    add_queues(request);
    bool fine = add_number_word(request, IFLA_MTU, word[MTU]);
    end_nest(request, nest);
    return fine;
}

static long add_link(int machine, int netns, const char *end, char **word) {
    struct request request;
    long bridge = is_given(word[BRIDGE]) ? find_index(machine, word[BRIDGE]) : 0;
    if (bridge < 0) return bridge;
    struct ifinfomsg *link = begin_request(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof *link);
    link->ifi_flags = link->ifi_change = LINK_UP;
    add_word(&request, IFLA_IFNAME, end);
    if (bridge) add_attribute(&request, IFLA_MASTER, &(unsigned){(unsigned)bridge}, sizeof(unsigned));
    bool fine = add_number_word(&request, IFLA_MTU, word[MTU]) && add_number_word(&request, IFLA_GROUP, word[GROUP]);
    add_queues(&request);
    struct rtattr *info = begin_nest(&request, IFLA_LINKINFO);
    add_attribute(&request, IFLA_INFO_KIND, "veth", 4);
    struct rtattr *data = begin_nest(&request, IFLA_INFO_DATA);
    fine = add_peer(&request, word, netns) && fine;
    end_nest(&request, data);
    end_nest(&request, info);
    return fine ? ask_kernel(machine, &request.header) : -EINVAL;
}

/* The kernel drops an alias that comes with a new link. Killed before it has one, the link is known by its group. */
long make_cable(int machine, const struct place *place, const char *end, const char *argument) {
    char text[MAX_TEXT], *word[WORDS];
    if (!split_words(argument, text, word)) return -EINVAL;
    long error = add_link(machine, place->netns, end, word);
    if (error < 0) return error;
    struct place made = {.fd = machine, .index = (int)find_index(machine, end)};
    return made.index < 0 ? made.index : set_alias(&made, word[ALIAS]);
}
