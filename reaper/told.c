#include "told.h"

#include "json.h"

enum { SLOTS = 8192, BYTES = 1 << 20 }; /* a power of two; what does not fit is told each time */

static struct {
    unsigned hash, at, size, number;
} slots[SLOTS];
static char bytes[BYTES];
static unsigned used, count, filled;

static bool is_text(unsigned slot, const char *text, size_t size) {
    if (slots[slot].size != size) return false;
    for (size_t i = 0; i < size; i++)
        if (bytes[slots[slot].at + i] != text[i]) return false;
    return true;
}

/* FNV-1a */
static unsigned hash_of(const char *text, size_t size) {
    unsigned hash = 2166136261U;
    for (size_t i = 0; i < size; i++) hash = (hash ^ (unsigned char)text[i]) * 16777619U;
    return hash;
}

void put_told(const char *text, size_t size) {
    unsigned hash = hash_of(text, size), slot = hash % SLOTS;
    for (; slots[slot].size; slot = (slot + 1) % SLOTS)
        if (slots[slot].hash == hash && is_text(slot, text, size)) {
            put_number(slots[slot].number);
            return;
        }
    if (size && filled < SLOTS / 2 && size <= BYTES - used) {
        slots[slot].hash = hash;
        slots[slot].at = used;
        slots[slot].size = (unsigned)size;
        slots[slot].number = count;
        for (size_t i = 0; i < size; i++) bytes[used + i] = text[i];
        used += (unsigned)size;
        filled++;
    }
    count++;
    put_string(text, size);
}
