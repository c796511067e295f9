/* ob itself, a program of its own beside the reaper: starts Node from the start-up snapshot where that was taken by this very
 * Node and in this very folder, else with the bundle. A shell would do, but takes as long for that as Node for a plan's
 * reading, and cron starts it every minute. */
#include "early.h"
#include "sys.h"
#include "text.h"

ENTRY_POINT;

__attribute__((noreturn, used)) void enter(long *stack);

enum { FAILED = 1, MAX_FLAGS = 16, MAX_PATH = 960 };

static char self[MAX_PATH], dist[MAX_PATH], mark[2048];
static struct line node, blob, bundle, wanted, reaper;

__attribute__((noreturn)) static void give_up(const char *words) {
    struct line line;
    clear_line(&line);
    add_text(&line, "ob: ");
    add_text(&line, words);
    write_line(&line, 2);
    sys_exit(FAILED);
}

static const char *value_of(char **env, const char *name) {
    for (; *env; env++)
        if (starts_with(*env, name)) return *env + length_of(name);
    return NULL;
}

/* Meant for other programs of Node: with flags of its own it refuses the snapshot, and certificates take longer to read than
 * a plan. OB_AHEAD and OB_HELPER nobody says but we. */
static void drop_variables(char **env) {
    char **kept = env;
    for (; *env; env++)
        if (!starts_with(*env, "NODE_OPTIONS=") && !starts_with(*env, "NODE_EXTRA_CA_CERTS=") &&
            !starts_with(*env, "OB_AHEAD=") && !starts_with(*env, "OB_HELPER="))
            *kept++ = *env;
    *kept = NULL;
}

static bool is_program(const char *path) {
    struct statx status;
    return sys_statx(AT_FDCWD, path, 0, STATX_TYPE | STATX_MODE, &status) == 0 && (status.stx_mode & S_IFMT) == S_IFREG &&
           status.stx_mode & 0111;
}

/* Node takes a dozen MB in its first 30 ms, and a third of these goes into the faults for each page of them: in huge pages, of
 * one heap for all threads that is not given back, that is a tenth less. What stays for long is better off without. Whoever has
 * said something of this himself is left to it: mallopt(3), and "Memory Allocation Tunables" in the manual of the GNU C library, from 2.35 on;
 * others pass it over. */
static char tunables[] =
    "GLIBC_TUNABLES=glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432:glibc.malloc.top_pad=8388608:"
    "glibc.malloc.arena_max=1";

/* Of what PATH names only whole names count: an empty one would be the folder that one happens to be in. */
static bool find_node(char **env) {
    const char *told = value_of(env, "OB_NODE="), *rest = value_of(env, "PATH=");
    if (!rest) rest = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    clear_line(&node);
    if (told && *told) {
        add_text(&node, told);
        return as_path(&node);
    }
    while (*rest) {
        clear_line(&node);
        for (; *rest && *rest != ':'; rest++) add_text(&node, (char[]){*rest, 0});
        if (*rest) rest++;
        add_text(&node, "/node");
        if (*node.text == '/' && as_path(&node) && is_program(node.text)) return true;
    }
    return false;
}

/* "INODE.SIZE.CTIME DIST": what the snapshot has to be good for. */
static bool describe(void) {
    struct statx status;
    if (sys_statx(AT_FDCWD, node.text, 0, STATX_BASIC_STATS, &status) < 0) return false;
    clear_line(&wanted);
    add_number(&wanted, (int64_t)status.stx_ino);
    add_text(&wanted, ".");
    add_number(&wanted, (int64_t)status.stx_size);
    add_text(&wanted, ".");
    add_number(&wanted, status.stx_ctime.tv_sec);
    add_text(&wanted, " ");
    add_text(&wanted, dist);
    return as_path(&wanted);
}

/* The words of a line, which is cut into them. */
static int split(char *line, char **words) {
    int count = 0;
    for (bool is_inside = false; *line && *line != '\n'; line++) {
        bool is_gap = *line == ' ';
        if (is_gap) *line = 0;
        else if (!is_inside && count < MAX_FLAGS) words[count++] = line;
        is_inside = !is_gap;
    }
    *line = 0;
    return count;
}

static void join_path(struct line *line, const char *name) {
    clear_line(line);
    add_text(line, dist);
    add_text(line, name);
    if (!as_path(line)) give_up("its folder has too long a name");
}

static char *next_line(char *text) {
    while (*text && *text != '\n') text++;
    return *text ? text + 1 : text;
}

/* The flags that the snapshot was taken with: they are in the line after the mark, those of the one for short commands in the next.
 * -1: it is of another Node, of another folder, or there is none. */
static int read_mark(char **flags, bool is_kept) {
    struct line path;
    join_path(&path, "/ob.node");
    long fd = sys_openat(AT_FDCWD, path.text, O_RDONLY | O_CLOEXEC, 0);
    long size = fd < 0 ? fd : sys_read((int)fd, mark, sizeof mark - 1);
    if (size <= 0 || !describe() || !starts_with(mark, wanted.text) || mark[wanted.length] != '\n') return -1;
    char *line = mark + wanted.length + 1;
    return split(is_kept ? next_line(line) : line, flags);
}

/* Where this file is, whatever links have led to it. */
static void find_self(void) {
    long length = sys_readlinkat(AT_FDCWD, "/proc/self/exe", self, sizeof self - 1), end = 0;
    if (length < 0 || length == sizeof self - 1) give_up("cannot find out where it is: is /proc mounted?");
    for (long i = 0; i < length; i++)
        if (self[i] == '/') end = i;
    for (long i = 0; i < end; i++) dist[i] = self[i];
}

/* Has the snapshot for short commands this line? One that looks like it and is not known there is read all the same, but it takes
 * long: it has no yargs. See src/cli/kept-lines.ts. */
static bool is_simple_line(char *const words[]) {
    int names = 0;
    for (; *words; words++) {
        if (**words != '-') names++;
        else if (!same(*words, "-q") && !same(*words, "--quiet") && !same(*words, "--detailed-exitcode")) return false;
    }
    return names <= 1;
}

static int count_words(char **words) {
    int count = 0;
    while (words[count]) count++;
    return count;
}

void enter(long *stack) {
    static char option[] = "--snapshot-blob";
    int count = (int)*stack, at = 1;
    char **argv = (char **)(stack + 1), **given = argv + count + 1;
    char *words[count + MAX_FLAGS + 4];
    find_self();
    drop_variables(given);
    int variables = count_words(given);
    char *env[variables + 2 + MOST_EARLY];
    for (int i = 0; i < variables; i++) env[i] = given[i];
    bool is_short = count > 1 && is_short_command(argv[1]);
    bool is_kept = is_short && is_simple_line(argv + 2);
    if (is_short && !value_of(given, "GLIBC_TUNABLES=")) env[variables++] = tunables;
    join_path(&reaper, "/reaper");
    if (is_short) variables += begin_early(argv + 1, reaper.text, env + variables);
    env[variables] = NULL;
    if (!find_node(env)) give_up("there is no node on this machine: apt-get install nodejs");
    join_path(&blob, is_kept ? "/short.blob" : "/ob.blob");
    join_path(&bundle, "/ob.js");
    words[0] = node.text;
    int flags = read_mark(words + 1, is_kept);
    if (flags >= 0) {
        at += flags;
        words[at++] = option;
        words[at++] = blob.text;
    }
    words[at++] = flags >= 0 ? self : bundle.text;
    for (int i = 1; i < count; i++) words[at++] = argv[i];
    words[at] = NULL;
    sys_execve(node.text, words, env);
    give_up("node does not start: is it for this machine?");
}
