#include "numbers.h"

bool is_new_number(struct numbers *met, uint64_t number) {
    unsigned slot = (unsigned)(number % NUMBER_SLOTS);
    for (; met->slots[slot]; slot = (slot + 1) % NUMBER_SLOTS)
        if (met->slots[slot] == number) return false;
    if (met->filled == NUMBER_SLOTS / 2) return true;
    met->filled++;
    met->slots[slot] = number;
    return true;
}
