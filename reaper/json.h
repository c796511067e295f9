/* JSON on its way out: values into a buffer, the buffer to stdout. */
#ifndef JSON_H
#define JSON_H

#include "sys.h"

void put_text(const char *text);
void put_number(int64_t value);
/* SIZE bytes in quotes, whatever they are; what may not stand in quotes is escaped. */
void put_bytes(const char *text, size_t size);
/* The same up to a NUL. */
void put_string(const char *text, size_t size);
/* `,"name":` or, where it is the first key, `"name":`. */
void put_key(const char *name, bool *first);
void flush_json(void);
/* How many bytes have gone to stdout so far. */
int64_t json_written(void);

#endif
