#include "marks.h"

#include "text.h"

static bool is_small(char c) { return c >= 'a' && c <= 'z'; }
static bool is_scope(char c) { return is_small(c) || (c >= '0' && c <= '9') || c == '-'; }
static bool is_name(char c) { return is_scope(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_'; }

bool is_mark(const char *text, const char *scope) {
    if (!starts_with(text, "ob:") || !is_small(text[3])) return false;
    const char *at = text + 3;
    for (; is_scope(*at); at++)
        if (scope && *at != *scope++) return false;
    if (*at != '/' || (scope && *scope) || !is_name(*++at)) return false;
    while (is_name(*at)) at++;
    return !*at;
}
