#include "netlink.h"

#include "text.h"

/* From <sys/socket.h>, which wants a libc. */
enum { FAMILY_NETLINK = 16, TYPE_RAW = 3 };
/* The kernel sends at most this much at a time to one that asks with a buffer of this size. */
enum { BUFFER_SIZE = 32768 };

int open_netlink(void) { return (int)sys_socket(FAMILY_NETLINK, TYPE_RAW | O_CLOEXEC, NETLINK_ROUTE); }

long ask_kernel(int fd, const struct nlmsghdr *request) {
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
        char rest[512];
    } answer;
    long size = sys_write(fd, request, request->nlmsg_len);
    if (size < 0) return size;
    size = sys_read(fd, &answer, sizeof answer);
    if (size < 0) return size;
    return answer.header.nlmsg_type == NLMSG_ERROR ? answer.error.error : -EPROTO;
}

/* 1: more is to come; 0: that was all. */
static long take_all(const char *buffer, long size, take_message *take, void *context) {
    const struct nlmsghdr *message = (const struct nlmsghdr *)buffer;
    for (; NLMSG_OK(message, size); message = NLMSG_NEXT(message, size)) {
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
    long more = sys_write(fd, &request, sizeof request);
    if (more < 0) return more;
    do {
        long size = sys_read(fd, buffer, sizeof buffer);
        more = size <= 0 ? size : take_all(buffer, size, take, context);
    } while (more > 0);
    return more;
}

const struct rtattr *find_attribute(const struct rtattr *first, long size, unsigned short type) {
    for (; RTA_OK(first, size); first = RTA_NEXT(first, size))
        if ((first->rta_type & NLA_TYPE_MASK) == type) return first;
    return NULL;
}

unsigned number_of(const struct rtattr *attribute, unsigned otherwise) {
    return attribute && RTA_PAYLOAD(attribute) >= 4 ? *(const unsigned *)RTA_DATA(attribute) : otherwise;
}
