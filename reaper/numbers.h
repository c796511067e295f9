/* Numbers that have been met before. */
#ifndef NUMBERS_H
#define NUMBERS_H

#include "sys.h"

enum { NUMBER_SLOTS = 8192 }; /* a power of two */

struct numbers {
    uint64_t slots[NUMBER_SLOTS];
    unsigned filled;
};

/* Is NUMBER, which is not 0, met for the first time? One that does not fit among those that are remembered is new each time. */
bool is_new_number(struct numbers *met, uint64_t number);

#endif
