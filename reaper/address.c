/* Addresses as text: IPv4 dotted, IPv6 by RFC 5952, hardware addresses with colons. */
#include "address.h"

#include "text.h"

enum { WORDS = 8 };

static char *add_hex(char *to, unsigned value) {
    int shift = 12;
    while (shift && !(value >> shift)) shift -= 4;
    for (; shift >= 0; shift -= 4) *to++ = "0123456789abcdef"[value >> shift & 15];
    return to;
}

static char *add_decimal(char *to, unsigned value) {
    if (value >= 100) *to++ = (char)('0' + value / 100);
    if (value >= 10) *to++ = (char)('0' + value / 10 % 10);
    *to++ = (char)('0' + value % 10);
    return to;
}

static char *add_dotted(char *to, const unsigned char *bytes) {
    for (int i = 0; i < 4; i++) {
        if (i) *to++ = '.';
        to = add_decimal(to, bytes[i]);
    }
    return to;
}

static unsigned word_at(const unsigned char *bytes, int index) {
    return (unsigned)bytes[2 * index] << 8 | bytes[2 * index + 1];
}

/* Section 4.2: the longest run of zeros, the first of equal ones, never a single word. */
static int longest_run(const unsigned char *bytes, int *length) {
    int best = -1;
    *length = 1;
    for (int start = 0; start < WORDS; start++) {
        int end = start;
        while (end < WORDS && word_at(bytes, end) == 0) end++;
        if (end - start <= *length) continue;
        best = start;
        *length = end - start;
    }
    return best;
}

static char *add_ipv6(char *to, const unsigned char *bytes) {
    int length, run = longest_run(bytes, &length);
    bool mapped = run == 0 && length == 5 && word_at(bytes, 5) == 0xffff;
    for (int i = 0; i < WORDS; i++) {
        if (i == run) {
            *to++ = ':';
            i += length - 1;
            if (i == WORDS - 1) *to++ = ':';
            continue;
        }
        if (i) *to++ = ':';
        if (mapped && i == 6) return add_dotted(to, bytes + 12);
        to = add_hex(to, word_at(bytes, i));
    }
    return to;
}

void format_ip(struct address *address, const unsigned char *bytes, size_t size) {
    char *end = address->text;
    if (size == 4) end = add_dotted(end, bytes);
    if (size == 16) end = add_ipv6(end, bytes);
    *end = 0;
}

void format_hardware(struct address *address, const unsigned char *bytes, size_t size) {
    char *to = address->text;
    for (size_t i = 0; i < size && i < 16; i++) {
        if (i) *to++ = ':';
        *to++ = "0123456789abcdef"[bytes[i] >> 4];
        *to++ = "0123456789abcdef"[bytes[i] & 15];
    }
    *to = 0;
}
