/* The words of `reaper boot`: what each subhost is to be. */
#include "boot.h"
#include "process.h"
#include "text.h"

enum { FIXED_WORDS = 9 };
/* Docker's default set without CAP_MKNOD, with CAP_NET_ADMIN. */
#define DEFAULT_KEPT 0xa00435fbU

static bool is_size(const char *text) {
    int64_t value;
    return same(text, "none") || parse_number(text, &value);
}

/* `end PATH` */
static bool take_end(struct spec *spec, char **word) {
    spec->end = word[0];
    return true;
}

/* `interfaces UPPER TEXT` */
static bool take_interfaces(struct spec *spec, char **word) {
    spec->upper = word[0];
    spec->interfaces = word[1];
    return true;
}

/* `hostkey VARIABLE` */
static bool take_host_key(struct spec *spec, char **word) {
    spec->host_key = find_variable(word[0]);
    return spec->host_key != NULL;
}

/* `share SOURCE TARGET rw|ro|dev`, any number of times. */
static bool take_share(struct spec *spec, char **word) {
    if (spec->shares == MAX_SHARES) return false;
    return parse_share(&spec->share[spec->shares++], word);
}

/* `caps HEX`: the capabilities that are kept, as /proc/PID/status shows them. */
static bool take_capabilities(struct spec *spec, char **word) { return parse_hex(word[0], &spec->confinement.kept); }

/* `seccomp off` */
static bool take_seccomp(struct spec *spec, char **word) {
    spec->confinement.filtered = false;
    return same(word[0], "off");
}

/* `privileges none`: nobody gains any by an exec. */
static bool take_privileges(struct spec *spec, char **word) {
    spec->confinement.no_new_privs = true;
    return same(word[0], "none");
}

/* `userns FIRST`, see ids.h. */
static bool take_ids(struct spec *spec, char **word) {
    int64_t first;
    bool fine = parse_number(word[0], &first) && first > 0 && first <= UINT32_MAX;
    spec->first_id = fine ? (unsigned)first : 0;
    return fine;
}

/* `masks off` */
static bool take_masks(struct spec *spec, char **word) {
    spec->unmasked = true;
    return same(word[0], "off");
}

/* What may stand between the fixed words and `start`, in any order: a keyword, the number of words after it, and who
 * takes those; false if they are none. */
static const struct {
    const char *keyword;
    int words;
    bool (*take)(struct spec *spec, char **word);
} groups[] = {
    {"caps", 1, take_capabilities},
    {"end", 1, take_end},
    {"hostkey", 1, take_host_key},
    {"interfaces", 2, take_interfaces},
    {"masks", 1, take_masks},
    {"privileges", 1, take_privileges},
    {"seccomp", 1, take_seccomp},
    {"share", 3, take_share},
    {"userns", 1, take_ids},
};

/* Number of words taken, or 0 if these begin no group. */
static int take_group(struct spec *spec, int count, char **word) {
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        if (same(word[0], groups[i].keyword) && count > groups[i].words)
            return groups[i].take(spec, word + 1) ? 1 + groups[i].words : 0;
    return 0;
}

/* Nine words, groups, the word `start`, the start list. */
bool parse_spec(struct spec *spec, int count, char **word) {
    int64_t ms;
    if (count < FIXED_WORDS) return false;
    *spec = (struct spec){
        .confinement = {.kept = DEFAULT_KEPT, .filtered = true},
        .mark = word[0], .netns = word[1], .live = word[2], .groups = word[3], .hostname = word[4],
        .run_size = word[5], .start_ms = word[6], .stop_ms = word[7], .digest = word[8],
    };
    int at = FIXED_WORDS;
    while (at < count && !same(word[at], "start")) {
        int taken = take_group(spec, count - at, word + at);
        if (!taken) return false;
        at += taken;
    }
    if (at == count) return false;
    spec->entry = word + at + 1;
    spec->entries = count - at - 1;
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
