/* What the orders of `reaper configure` share. */
#ifndef CONFIGURE_H
#define CONFIGURE_H

#include "sys.h"

enum { MAX_BYTES = 32 };

/* Where an order is carried out. */
struct place {
    int fd;    /* netlink of the namespace, or a negative errno */
    int netns; /* the namespace itself; -1: where we are */
    int index; /* of the link that is meant */
};

/* Bytes written as hexadecimal digits; PREFIX is what follows a slash. */
struct bytes {
    unsigned char byte[MAX_BYTES];
    size_t size;
    int64_t prefix;
};

bool parse_bytes(const char *text, struct bytes *bytes);
/* Of the link with this name, in the namespace of a socket; or a negative errno. */
long find_index(int fd, const char *name);
long set_alias(const struct place *place, const char *argument);

/* Makes a cable from the link END in the namespace of the netlink socket MACHINE to PLACE. ARGUMENT: `INSIDE BRIDGE MTU MAC
 * GROUP ALIAS`, `-` for what is left as it is; the MAC is that of the end inside. */
long make_cable(int machine, const struct place *place, const char *end, const char *argument);

#endif
