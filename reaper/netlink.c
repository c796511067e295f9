#include "netlink.h"

#include <linux/netlink.h>

#include "text.h"

/* From <sys/socket.h>, which wants a libc. */
enum { FAMILY_NETLINK = 16, TYPE_RAW = 3 };
/* The kernel sends at most this much at a time to one that asks with a buffer of this size. */
enum { BUFFER_SIZE = 32768 };

/* From <sys/socket.h> as well. */
enum { LEVEL_NETLINK = 270 };

static char words[256];

/* The kernel's words come only if they are asked for, and then without our own request before them. */
int open_netlink(void) {
    int fd = (int)sys_socket(FAMILY_NETLINK, TYPE_RAW | O_CLOEXEC, NETLINK_ROUTE), on = 1;
    sys_setsockopt(fd, LEVEL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    sys_setsockopt(fd, LEVEL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    return fd;
}

const char *kernel_words(void) { return words; }

static void keep_words(const struct rtattr *first, long size) {
    const struct rtattr *said = find_attribute(first, size, NLMSGERR_ATTR_MSG);
    size_t length = said ? RTA_PAYLOAD(said) : 0;
    if (length > sizeof words - 1) length = sizeof words - 1;
    for (size_t i = 0; i < length; i++) words[i] = ((const char *)RTA_DATA(said))[i];
    words[length] = 0;
}

long ask_kernel(int fd, const struct nlmsghdr *request) {
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
        char rest[1024];
    } answer;
    words[0] = 0;
    long size = sys_write(fd, request, request->nlmsg_len);
    if (size < 0) return size;
    size = sys_read(fd, &answer, sizeof answer);
    if (size < 0) return size;
    if (answer.header.nlmsg_type != NLMSG_ERROR) return -EPROTO;
    long taken = answer.rest - (char *)&answer;
    if (answer.header.nlmsg_flags & NLM_F_ACK_TLVS) keep_words((struct rtattr *)answer.rest, size - taken);
    return answer.error.error;
}

void *begin_request(struct request *request, unsigned short type, unsigned short flags, size_t size) {
    *request = (struct request){.header = {
        .nlmsg_len = (unsigned)NLMSG_LENGTH(size), .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags}};
    return NLMSG_DATA(&request->header);
}

void add_attribute(struct request *request, unsigned short type, const void *bytes, size_t size) {
    size_t at = NLMSG_ALIGN(request->header.nlmsg_len);
    if (at + RTA_SPACE(size) > sizeof *request) size = sizeof *request - at - RTA_LENGTH(0) - RTA_ALIGNTO;
    struct rtattr *attribute = (struct rtattr *)((char *)request + at);
    attribute->rta_type = type;
    attribute->rta_len = (unsigned short)RTA_LENGTH(size);
    for (size_t i = 0; i < size; i++) ((char *)RTA_DATA(attribute))[i] = ((const char *)bytes)[i];
    request->header.nlmsg_len = (unsigned)(at + RTA_LENGTH(size));
}

/* 1: more is to come; 0: that was all. TORN: the kernel has marked a message as that of a list which has changed meanwhile. */
static long take_all(const char *buffer, long size, take_message *take, void *context, bool *torn) {
    const struct nlmsghdr *message = (const struct nlmsghdr *)buffer;
    for (; NLMSG_OK(message, size); message = NLMSG_NEXT(message, size)) {
        if (message->nlmsg_flags & NLM_F_DUMP_INTR) *torn = true;
        if (message->nlmsg_type == NLMSG_DONE) return 0;
        if (message->nlmsg_type == NLMSG_ERROR) return ((const struct nlmsgerr *)NLMSG_DATA(message))->error;
        take(message, context);
    }
    return 1;
}

long dump(int fd, unsigned short type, take_message *take, void *context) {
    static char buffer[BUFFER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
    struct {
        struct nlmsghdr header;
        struct ifinfomsg link; /* the longest of those that are asked for; the family comes first in all of them */
    } request = {.header = {.nlmsg_len = sizeof request, .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
    bool torn = false;
    long more = sys_write(fd, &request, sizeof request);
    if (more < 0) return more;
    do {
        long size = sys_read(fd, buffer, sizeof buffer);
        more = size <= 0 ? size : take_all(buffer, size, take, context, &torn);
    } while (more > 0);
    return more == 0 && torn ? -EINTR : more;
}

const struct rtattr *find_attribute(const struct rtattr *first, long size, unsigned short type) {
    for (; RTA_OK(first, size); first = RTA_NEXT(first, size))
        if ((first->rta_type & NLA_TYPE_MASK) == type) return first;
    return NULL;
}

unsigned number_of(const struct rtattr *attribute, unsigned otherwise) {
    return attribute && RTA_PAYLOAD(attribute) >= 4 ? *(const unsigned *)RTA_DATA(attribute) : otherwise;
}
