#include "namespaces.h"

#include "numbers.h"
#include "text.h"

enum { LINK_BYTES = 64 };

static struct numbers met;

/* Of a text such as mnt:[4026531841]. */
static uint64_t number_in(const char *text) {
    uint64_t number = 0;
    while (*text && *text != '[') text++;
    while (*text && *++text >= '0' && *text <= '9') number = number * 10 + (unsigned)(*text - '0');
    return number;
}

uint64_t mount_namespace(int at, const char *path) {
    char link[LINK_BYTES] = {0};
    struct line name;
    clear_line(&name);
    add_text(&name, path);
    add_text(&name, "/ns/mnt");
    return as_path(&name) && sys_readlinkat(at, name.text, link, sizeof link - 1) > 0 ? number_in(link) : 0;
}

bool is_new_namespace(uint64_t number) { return is_new_number(&met, number); }
