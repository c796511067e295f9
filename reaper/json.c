#include "json.h"

#include "text.h"

static char buffer[16384];
static size_t used;
static int64_t written;

void flush_json(void) {
    for (size_t done = 0; done < used;) {
        long put = sys_write(1, buffer + done, used - done);
        if (put <= 0) break;
        done += (size_t)put;
    }
    written += (int64_t)used;
    used = 0;
}

int64_t json_written(void) { return written; }

static void put(char c) {
    if (used == sizeof buffer) flush_json();
    buffer[used++] = c;
}

void put_text(const char *text) {
    while (*text) put(*text++);
}

void put_number(int64_t value) {
    char digits[24];
    char *first = digits + sizeof digits - 1;
    *first = 0;
    do *--first = (char)('0' + value % 10);
    while (value /= 10);
    put_text(first);
}

/* RFC 8259, section 7. Bytes above 127 go as they are: names are UTF-8, or are nothing that could be said better. */
void put_bytes(const char *text, size_t size) {
    static const char hex[] = "0123456789abcdef";
    put('"');
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') put('\\');
        if (c >= ' ') {
            put((char)c);
            continue;
        }
        /* What there is most of, in texts of /proc, in its shortest form. */
        if (c == '\n' || c == '\t') {
            put_text(c == '\n' ? "\\n" : "\\t");
            continue;
        }
        put_text("\\u00");
        put(hex[c >> 4]);
        put(hex[c & 15]);
    }
    put('"');
}

void put_string(const char *text, size_t size) {
    size_t length = 0;
    while (length < size && text[length]) length++;
    put_bytes(text, length);
}

void put_key(const char *name, bool *first) {
    if (!*first) put(',');
    *first = false;
    put_string(name, (size_t)-1);
    put(':');
}
