#include "overlays.h"

#include "json.h"
#include "numbers.h"
#include "text.h"

/* A line is shorter: the options of a mount have one page. */
static char lines[65536];

static struct numbers met;

static bool is_at_end(const char *text) { return !*text || *text == '\n'; }

/* ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG...] - TYPE ...: the kernel has no number twice for what is mounted at a time. */
bool is_new_overlay(const char *line) {
    const char *device = after_word(after_word(line)), *word = device;
    uint64_t number = 1;
    for (int i = 0; i < 4; i++) word = after_word(word);
    while (!is_at_end(word) && !starts_with(word, "- ")) word = after_word(word);
    if (!starts_with(word, "- overlay ")) return false;
    for (; *device != ' '; device++) number = *device == ':' ? number << 32 : number * 10 + (unsigned)(*device - '0');
    return is_new_number(&met, number);
}

/* Gives where the last line begins, which is not whole yet. */
static char *put_whole_lines(void) {
    char *line = lines;
    for (char *end = lines; *end; end++) {
        if (*end != '\n') continue;
        *end = 0;
        if (is_new_overlay(line)) {
            put_text(" ");
            put_text(line);
            put_text("\n");
        }
        line = end + 1;
    }
    return line;
}

static long put_lines(int fd) {
    size_t used = 0;
    long got;
    while ((got = sys_read(fd, lines + used, sizeof lines - 1 - used)) > 0) {
        lines[used + (size_t)got] = 0;
        const char *rest = put_whole_lines();
        for (used = 0; *rest; used++) lines[used] = *rest++;
    }
    return used ? -E2BIG : got;
}

void put_new_overlays(int at, const char *pid) {
    struct line path;
    clear_line(&path);
    add_text(&path, pid);
    add_text(&path, "/mountinfo");
    long fd = as_path(&path) ? sys_openat(at, path.text, O_RDONLY | O_CLOEXEC, 0) : -ENAMETOOLONG;
    if (fd < 0 || put_lines((int)fd) < 0) put_text(" \n");
    if (fd >= 0) sys_close((int)fd);
}
