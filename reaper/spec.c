/* The words of `reaper boot`: what each subhost is to be. */
#include "boot.h"
#include "process.h"
#include "text.h"

enum { FIXED_WORDS = 9, END_WORDS = 2, SHARE_WORDS = 4, INTERFACES_WORDS = 3 };

static bool is_size(const char *text) {
    int64_t value;
    return same(text, "none") || parse_number(text, &value);
}

/* `end PATH`, or not; gives the index of what follows. */
static int take_end(struct spec *spec, int at, int count, char **word) {
    if (count < at + END_WORDS || !same(word[at], "end")) return at;
    spec->end = word[at + 1];
    return at + END_WORDS;
}

/* `interfaces UPPER TEXT`, or not; gives the index of what follows. */
static int take_interfaces(struct spec *spec, int at, int count, char **word) {
    if (count < at + INTERFACES_WORDS || !same(word[at], "interfaces")) return at;
    spec->upper = word[at + 1];
    spec->interfaces = word[at + 2];
    return at + INTERFACES_WORDS;
}

/* `share SOURCE TARGET rw|ro`, any number of times; gives the index of what follows. */
static int take_shares(struct spec *spec, int at, int count, char **word) {
    while (at + SHARE_WORDS <= count && same(word[at], "share") && spec->shares < MAX_SHARES) {
        spec->share[spec->shares++] = (struct share){word[at + 1], word[at + 2], same(word[at + 3], "ro")};
        at += SHARE_WORDS;
    }
    return at;
}

/* Nine words, end, interfaces, shares, the word `start`, the start list. */
bool parse_spec(struct spec *spec, int count, char **word) {
    int64_t ms;
    if (count < FIXED_WORDS) return false;
    *spec = (struct spec){
        .mark = word[0], .netns = word[1], .live = word[2], .cgroup = word[3], .hostname = word[4],
        .run_size = word[5], .start_ms = word[6], .stop_ms = word[7], .digest = word[8],
    };
    int taken = take_end(spec, FIXED_WORDS, count, word);
    taken = take_shares(spec, take_interfaces(spec, taken, count, word), count, word);
    if (taken == count || !same(word[taken], "start")) return false;
    spec->entry = word + taken + 1;
    spec->entries = count - taken - 1;
    return is_size(spec->run_size) && parse_number(spec->start_ms, &ms) &&
           parse_number(spec->stop_ms, &ms);
}

int length_of_spec(int count, char **word) {
    int length = 0;
    while (length < count && !same(word[length], "--")) length++;
    return length;
}

int count_specs(int count, char **word) {
    struct spec spec;
    int specs = 0;
    for (int at = 0; at <= count; specs++) {
        int length = length_of_spec(count - at, word + at);
        if (specs == MAX_ITEMS || !parse_spec(&spec, length, word + at)) return -1;
        at += length + 1;
    }
    return specs;
}

const char *mark_of(int index, char **word) {
    for (; index; word++)
        if (same(*word, "--")) index--;
    return *word;
}
