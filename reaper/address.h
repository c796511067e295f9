#ifndef ADDRESS_H
#define ADDRESS_H

#include "sys.h"

struct address {
    char text[64];
};

/* SIZE 4 or 16; empty for any other. */
void format_ip(struct address *address, const unsigned char *bytes, size_t size);
void format_hardware(struct address *address, const unsigned char *bytes, size_t size);

#endif
