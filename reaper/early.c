/* What a command needs first of all is begun by dist/ob, before Node: what only reads has the machine read (OB_AHEAD=MEMORY.PIPE,
 * see ahead.c), what changes something has the lock taken as well, and one who starts programs for Node from then on
 * (OB_HELPER=SOCKET.LOCK, see serve.c). */
#include "early.h"
#include "sys.h"
#include "text.h"

enum { FAILED = 1, FIRST_FREE = 3, MOST_FILES = 6, OTHERS_WRITE = 022 };

static const char *const reading[] = {"plan", "status", NULL};

/* With how much their helper reads meanwhile. */
static const struct {
    const char *name;
    char *look;
} changing[] = {{"apply", "all"}, {"destroy", "brief"}, {"start", "all"}, {"stop", "all"}, {"restart", "all"}, {NULL, NULL}};

static bool only_reads(const char *command) {
    for (const char *const *word = reading; *word; word++)
        if (same(command, *word)) return true;
    return false;
}

static char *look_of(const char *command) {
    for (int i = 0; changing[i].name; i++)
        if (same(command, changing[i].name)) return changing[i].look;
    return NULL;
}

bool is_short_command(const char *command) { return only_reads(command) || look_of(command); }

/* Becomes the reaper, with these as its first descriptors; -1 ends them. The environment is that of src/resources/run.ts. */
__attribute__((noreturn)) static void become_reaper(const char *reaper, char *const words[], const int *files) {
    static char locale[] = "LC_ALL=C", path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    int count = 0, high[MOST_FILES];
    for (; files[count] >= 0; count++) high[count] = (int)sys_fcntl(files[count], F_DUPFD, MOST_FILES);
    for (int i = 0; i < count; i++) sys_dup3(high[i], i, 0);
    sys_close_range((unsigned)count, ~0U);
    /* A signal of the terminal is for Node, and the folder that we are in may have to be unmounted. */
    sys_setsid();
    sys_chdir("/");
    sys_execve(reaper, words, (char *[]){locale, path, NULL});
    sys_exit(FAILED);
}

/* As a child of its own child, which ends: so nobody has to wait for it. */
static void start_reaper(const char *reaper, char *const words[], const int *files) {
    int status;
    long pid = sys_clone(SIGCHLD);
    if (!pid) {
        if (!sys_clone(SIGCHLD)) become_reaper(reaper, words, files);
        sys_exit(0);
    }
    if (pid > 0) sys_wait4(pid, &status, 0);
}

static void drop(int file) {
    if (file >= 0) sys_close(file);
}

/* For Node, which closes what it has inherited when it starts something, but only up to the first gap. */
static int hand_on(int file) {
    int lowest = (int)sys_fcntl(file, F_DUPFD, FIRST_FREE);
    if (lowest >= 0 && lowest < file) {
        sys_close(file);
        return lowest;
    }
    drop(lowest);
    sys_fcntl(file, F_SETFD, 0);
    return file;
}

/* "NAME=ONE.OTHER" */
static char *tell(struct line *line, const char *name, int one, int other) {
    clear_line(line);
    add_text(line, name);
    add_number(line, hand_on(one));
    add_text(line, ".");
    add_number(line, hand_on(other));
    return (char *)as_path(line);
}

/* Where reading is to be written to, and the two ends of the pipe that tells how far it is. */
struct ahead {
    int memory, told[2];
};

static bool open_ahead(struct ahead *ahead) {
    *ahead = (struct ahead){.memory = (int)sys_memfd_create("ob-ahead", MFD_CLOEXEC), .told = {-1, -1}};
    /* One of a standard stream that is closed is not for this. */
    return ahead->memory >= FIRST_FREE && sys_pipe2(ahead->told, O_CLOEXEC) >= 0;
}

static int tell_ahead(struct ahead *ahead, char *variables[]) {
    static struct line line;
    *variables = tell(&line, "OB_AHEAD=", ahead->memory, ahead->told[0]);
    return 1;
}

static int look_ahead(const char *reaper, char *variables[]) {
    static char name[] = "reaper", mode[] = "ahead";
    struct ahead ahead;
    if (!open_ahead(&ahead)) return 0;
    start_reaper(reaper, (char *[]){name, mode, NULL}, (int[]){ahead.memory, ahead.memory, ahead.memory, ahead.told[1], -1});
    sys_close(ahead.told[1]);
    return tell_ahead(&ahead, variables);
}

/* As in src/cli/run-folder.ts: through a link, or where others may write, a lock is none. Node says what is wrong there. */
static int open_lock(void) {
    struct statx seen;
    long made = sys_mkdirat(AT_FDCWD, "/run/ob", 0700);
    int folder = made < 0 && made != -EEXIST
                     ? -1
                     : (int)sys_openat(AT_FDCWD, "/run/ob", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (folder < 0) return -1;
    long error = sys_statx(folder, "", AT_EMPTY_PATH, STATX_MODE | STATX_UID, &seen);
    int lock = error < 0 || seen.stx_uid || seen.stx_mode & OTHERS_WRITE
                   ? -1
                   : (int)sys_openat(folder, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    sys_close(folder);
    return lock;
}

static int start_helper(const char *reaper, char *look, char *variables[]) {
    static char name[] = "reaper", mode[] = "serve", early[] = "early";
    static struct line line;
    struct ahead ahead;
    int ends[2];
    if (!open_ahead(&ahead) || sys_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, ends) < 0) return 0;
    int none = (int)sys_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
    /* Last of all: it is left to nobody. */
    int lock = none < 0 ? -1 : open_lock();
    if (lock < 0) return 0;
    int files[] = {ends[1], ends[1], none, lock, ahead.memory, ahead.told[1], -1};
    start_reaper(reaper, (char *[]){name, mode, early, look, NULL}, files);
    for (int i = 0; i < 3; i++) sys_close((int[]){ends[1], none, ahead.told[1]}[i]);
    int count = tell_ahead(&ahead, variables);
    variables[count] = tell(&line, "OB_HELPER=", ends[0], lock);
    return count + 1;
}

/* Of a line that is for others to read there may be more to know before anything is done. */
static bool is_plain(char *const words[]) {
    for (; *words; words++)
        if (**words == '-' && !same(*words, "-q") && !same(*words, "--quiet")) return false;
    return true;
}

int begin_early(char *const words[], const char *reaper, char *variables[MOST_EARLY]) {
    if (!*words || sys_getuid() != 0) return 0;
    if (only_reads(*words)) return look_ahead(reaper, variables);
    char *look = look_of(*words);
    return look && is_plain(words) ? start_helper(reaper, look, variables) : 0;
}
