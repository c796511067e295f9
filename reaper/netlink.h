/* Questions to the kernel's routing netlink, rtnetlink(7), in the network namespace of the caller. */
#ifndef NETLINK_H
#define NETLINK_H

#include <linux/rtnetlink.h>

#include "sys.h"

/* A socket, or a negative errno. */
int open_netlink(void);
/* Sends one request and gives the kernel's verdict on it. */
long ask_kernel(int fd, const struct nlmsghdr *request);
/* What the kernel said with its last refusal; often it says nothing. */
const char *kernel_words(void);

/* AF_INET and AF_INET6: <sys/socket.h> wants a libc. */
enum { FAMILY_IPV4 = 2, FAMILY_IPV6 = 10 };

/* A request under construction: header and fixed part first, then attributes. */
struct request {
    struct nlmsghdr header;
    char body[512];
};

/* An empty request with SIZE bytes of fixed part; gives where that part is. */
void *begin_request(struct request *request, unsigned short type, unsigned short flags, size_t size);
/* Appends an attribute; one that does not fit makes the kernel refuse the whole (it would be cut). */
void add_attribute(struct request *request, unsigned short type, const void *bytes, size_t size);

/* Called for each message of a dump. */
typedef void take_message(const struct nlmsghdr *message, void *context);
/* All objects that a request of TYPE (RTM_GET...) lists. -EINTR: the list has changed between two parts of the answer, so some may
 * be missing, or be in it twice. */
long dump(int fd, unsigned short type, take_message *take, void *context);

/* An attribute among the SIZE bytes from FIRST, or NULL. */
const struct rtattr *find_attribute(const struct rtattr *first, long size, unsigned short type);
/* Of a 32-bit attribute; OTHERWISE if it is missing. */
unsigned number_of(const struct rtattr *attribute, unsigned otherwise);

#endif
