#ifndef MARKS_H
#define MARKS_H

#include "sys.h"

/* Is it `ob:SCOPE/NAME`, the mark of a link or a network namespace? SCOPE: of this one; NULL: of any. */
bool is_mark(const char *text, const char *scope);

#endif
