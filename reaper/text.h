/* Words, numbers and lines. */
#ifndef TEXT_H
#define TEXT_H

#include "sys.h"

/* Far below PIPE_BUF: many processes share one pipe, and only such a write is atomic (pipe(7)). */
struct line {
    size_t length;
    bool cut;
    char text[1024];
};

size_t length_of(const char *text);
bool same(const char *a, const char *b);
bool starts_with(const char *text, const char *start);
/* False unless TEXT is a plain decimal number that fits into 62 bits. */
bool parse_number(const char *text, int64_t *value);
/* Up to the first character that is no lower-case hexadecimal digit; false if there is none, or more than 16. */
bool parse_hex(const char *text, uint64_t *value);
/* Can it be the name of something in a folder? */
bool is_file_name(const char *name);
/* What follows the first NAME in TEXT, or NULL. */
const char *find_after(const char *text, const char *name);
/* What follows the first space; where there is none in its first line, the end of that. */
const char *after_word(const char *text);

void clear_line(struct line *line);
void add_text(struct line *line, const char *text);
void add_number(struct line *line, int64_t value);
/* The text so far as a string, or NULL if it did not fit. */
const char *as_path(struct line *line);
void write_line(struct line *line, int fd);

/* "KEY error STEP ERRNO DETAIL"; ERROR is a negative errno. */
void write_error(int fd, const char *key, const char *step, long error, const char *detail);
/* "KEY WORD" */
void write_word(int fd, const char *key, const char *word);

#endif
