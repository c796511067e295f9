#include "text.h"

/* The compiler emits calls to these two even without a libc, and also where they are static (-fwhole-program). */
void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memset(void *to, int byte, size_t size);

__attribute__((used)) void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    for (size_t i = 0; i < size; i++) ((char *)to)[i] = ((const char *)from)[i];
    return to;
}

__attribute__((used)) void *memset(void *to, int byte, size_t size) {
    for (size_t i = 0; i < size; i++) ((char *)to)[i] = (char)byte;
    return to;
}

size_t length_of(const char *text) {
    size_t length = 0;
    while (text[length]) length++;
    return length;
}

bool starts_with(const char *text, const char *start) {
    while (*start && *text == *start) text++, start++;
    return !*start;
}

bool same(const char *a, const char *b) { return starts_with(a, b) && !a[length_of(b)]; }

bool parse_number(const char *text, int64_t *value) {
    *value = 0;
    if (!*text) return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || *value >= INT64_MAX / 20) return false;
        *value = *value * 10 + (*text - '0');
    }
    return true;
}

bool parse_hex(const char *text, uint64_t *value) {
    int digits = 0;
    for (*value = 0;; text++, digits++) {
        char c = *text;
        bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && !(c >= 'a' && c <= 'f')) return digits > 0;
        if (digits == 16) return false;
        *value = *value << 4 | (uint64_t)(is_digit ? c - '0' : c - 'a' + 10);
    }
}

const char *find_after(const char *text, const char *name) {
    for (; *text; text++)
        if (starts_with(text, name)) return text + length_of(name);
    return NULL;
}

void clear_line(struct line *line) {
    line->length = 0;
    line->cut = false;
}

void add_text(struct line *line, const char *text) {
    for (; *text; text++) {
        if (line->length == sizeof line->text - 1) { /* the last byte is for newline or NUL */
            line->cut = true;
            return;
        }
        line->text[line->length++] = *text;
    }
}

void add_number(struct line *line, int64_t value) {
    char digits[24];
    char *first = digits + sizeof digits - 1;
    *first = 0;
    do *--first = (char)('0' + value % 10);
    while (value /= 10);
    add_text(line, first);
}

const char *as_path(struct line *line) {
    line->text[line->length] = 0;
    return line->cut ? NULL : line->text;
}

void write_line(struct line *line, int fd) {
    for (size_t i = 0; i < line->length; i++) {
        unsigned char c = (unsigned char)line->text[i];
        if (c < ' ' || c == 127) line->text[i] = '?';
    }
    line->text[line->length++] = '\n';
    /* Nobody may be reading any more: SIGPIPE is blocked, and there is nobody to tell. */
    sys_write(fd, line->text, line->length);
}

void write_error(int fd, const char *key, const char *step, long error, const char *detail) {
    struct line line;
    clear_line(&line);
    add_text(&line, key);
    add_text(&line, " error ");
    add_text(&line, step);
    add_text(&line, " ");
    add_number(&line, -error);
    add_text(&line, " ");
    add_text(&line, detail);
    write_line(&line, fd);
}

void write_word(int fd, const char *key, const char *word) {
    struct line line;
    clear_line(&line);
    add_text(&line, key);
    add_text(&line, " ");
    add_text(&line, word);
    write_line(&line, fd);
}

bool is_file_name(const char *name) {
    for (const char *c = name; *c; c++)
        if (*c == '/') return false;
    return *name && !same(name, ".") && !same(name, "..");
}

const char *after_word(const char *text) {
    while (*text && *text != ' ' && *text != '\n') text++;
    return *text == ' ' ? text + 1 : text;
}
