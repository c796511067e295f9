/* reaper serve [lock|early LOOK]: starts programs for ob, as many at a time as it asks for, and tells how each ended and what it said. A
 * program that Node starts itself costs Node, which is large, a copy of its page tables, and a fault for every page that it
 * writes to afterwards; here it costs next to nothing.
 *
 * A request is a line `KEY BYTES INPUT`, then so many bytes of words with a NUL after each, the first of them the absolute
 * name of a program, then so many bytes for its stdin. Without words: the program that was asked for with this key is
 * killed. The answer is a line of JSON.
 *
 * `lock`: first of all the file is locked that is open as descriptor 3, and that is told; if it is not to be had, this ends. `early`:
 * the same for who is not there yet (early.c), and then the machine is looked at, for all or in `brief`, see ahead.c: what is seen
 * is good for as long as nobody else can have the lock. */
#include "json.h"
#include "lock.h"
#include "modes.h"
#include "process.h"
#include "text.h"

enum { MAX_JOBS = 64, MAX_BYTES = 1 << 20, MAX_WORDS = 1 << 15, HEAD_BYTES = 96, MEMORY_FD = 4, TOLD_FD = 5 };

struct job {
    int64_t key;
    long pid;
    int pidfd, out, err;
};

static struct job jobs[MAX_JOBS];
static int running;
/* Has anybody come for whom the lock was taken early? From then on it is theirs to remove. */
static bool is_claimed = true;
static char bytes[MAX_BYTES];
static char *words[MAX_WORDS + 1];

/* False at end-of-file: then there is nobody left to work for. */
static bool read_all(char *to, size_t size) {
    while (size) {
        long got = sys_read(0, to, size);
        if (got <= 0) return false;
        to += got;
        size -= (size_t)got;
    }
    return true;
}

/* The next decimal number of a line, and what follows it. */
static bool take_number(char **text, int64_t *value) {
    char *end = *text;
    while (*end && *end != ' ') end++;
    bool is_last = !*end;
    *end = 0;
    bool is_number = parse_number(*text, value);
    *text = is_last ? end : end + 1;
    return is_number;
}

/* A line of so many numbers. */
static bool read_numbers(int64_t *numbers, int count) {
    char head[HEAD_BYTES], *text = head;
    for (size_t length = 0; length < sizeof head; length++) {
        if (!read_all(head + length, 1)) return false;
        if (head[length] != '\n') continue;
        head[length] = 0;
        for (int i = 0; i < count; i++)
            if (!take_number(&text, &numbers[i])) return false;
        return true;
    }
    return false;
}

/* Of those who write to one open file of this kind at the same time each takes the place where the last one was before: other
 * files have a lock for that. To its end all of them can write. */
static int make_file(void) {
    int file = (int)sys_memfd_create("ob", MFD_CLOEXEC);
    if (file >= 0) sys_fcntl(file, F_SETFL, O_APPEND);
    return file;
}

/* It is read also where there is no FILE: the next request comes after it. */
static bool read_input(int file, int64_t size) {
    static char part[65536];
    for (int64_t left = size; left > 0;) {
        size_t want = left < (int64_t)sizeof part ? (size_t)left : sizeof part;
        if (!read_all(part, want)) return false;
        if (file >= 0 && sys_write(file, part, want) != (long)want) return false;
        left -= (int64_t)want;
    }
    if (file >= 0) sys_lseek(file, 0);
    return true;
}

static bool split_words(size_t size) {
    int count = 0;
    for (size_t at = 0; at < size; at += length_of(bytes + at) + 1) {
        if (count == MAX_WORDS) return false;
        words[count++] = bytes + at;
    }
    words[count] = NULL;
    return count > 0 && !bytes[size - 1];
}

__attribute__((noreturn)) static void become(const struct job *job, int input, char **env) {
    sys_setsid();
    sys_dup3(input, 0, 0);
    sys_dup3(job->out, 1, 0);
    sys_dup3(job->err, 2, 0);
    default_dispositions();
    set_mask(0);
    sys_close(LOCK_FD); /* a program may start what never ends */
    long error = sys_execve(words[0], words, env);
    write_error(2, words[0], "exec", error, "");
    sys_exit(FAILED);
}

static void put_file(const char *name, int file, bool *first) {
    uint64_t size = 0;
    is_regular(file, &size);
    long text = size ? sys_mmap(size, file) : 0;
    put_key(name, first);
    put_string(text > 0 ? (const char *)text : "", size);
    if (text > 0) sys_munmap((void *)text, size);
    sys_close(file);
}

static void put_number_of(const char *name, int64_t value, bool *first) {
    put_key(name, first);
    put_number(value);
}

/* {"key":KEY,"exit":STATUS,"out":"...","err":"..."}; killed by a signal it has no exit. */
static void tell_end(const struct job *job, int how) {
    bool first = true;
    put_text("{");
    put_number_of("key", job->key, &first);
    if (!(how & 127)) put_number_of("exit", exit_status(how), &first);
    put_file("out", job->out, &first);
    put_file("err", job->err, &first);
    put_text("}\n");
    flush_json();
}

/* Without a file of its own for each it would read our requests, or write into our answers. */
static long begin(struct job *job, int input, char **env) {
    if (input < 0 || job->out < 0 || job->err < 0) return -EMFILE;
    job->pid = sys_clone(SIGCHLD);
    if (job->pid == 0) become(job, input, env);
    if (job->pid < 0) return job->pid;
    job->pidfd = (int)sys_pidfd_open(job->pid);
    if (job->pidfd >= 0) return 0;
    sys_kill(job->pid, SIGKILL);
    sys_wait4(job->pid, NULL, 0);
    return job->pidfd;
}

/* The same line as of one that has ended; there may be no file for the words. */
static void tell_failure(int64_t key, long error) {
    bool first = true;
    struct line line;
    clear_line(&line);
    add_text(&line, "reaper error clone ");
    add_number(&line, -error);
    add_text(&line, " ");
    put_text("{");
    put_number_of("key", key, &first);
    put_number_of("exit", FAILED, &first);
    put_key("err", &first);
    put_string(line.text, line.length);
    put_text("}\n");
    flush_json();
}

static void close_file(int file) {
    if (file >= 0) sys_close(file);
}

static void start_job(int64_t key, int input, char **env) {
    struct job *job = &jobs[running];
    *job = (struct job){.key = key, .out = make_file(), .err = make_file()};
    long error = begin(job, input, env);
    if (error == 0) {
        running++;
        return;
    }
    close_file(job->out);
    close_file(job->err);
    tell_failure(key, error);
}

static void kill_job(int64_t key) {
    for (int i = 0; i < running; i++)
        if (jobs[i].key == key) sys_pidfd_send_signal(jobs[i].pidfd, SIGKILL, NULL);
}

static bool take_request(char **env) {
    int64_t head[3];
    if (!read_numbers(head, 3) || head[1] > MAX_BYTES || !read_all(bytes, (size_t)head[1])) return false;
    int64_t key = head[0], size = head[1], input = head[2];
    is_claimed = true;
    if (size == 0) {
        kill_job(key);
        return true;
    }
    int file = make_file();
    if (!read_input(file, input) || !split_words((size_t)size)) return false;
    start_job(key, file, env);
    close_file(file);
    return true;
}

static void take_ended(const struct pollfd *ended) {
    int left = 0, how;
    for (int i = 0; i < running; i++) {
        struct job job = jobs[i];
        if (!ended[i].revents) {
            jobs[left++] = job;
            continue;
        }
        sys_close(job.pidfd);
        tell_end(&job, sys_wait4(job.pid, &how, 0) < 0 ? FAILED << 8 : how);
    }
    running = left;
}

/* Writes what it sees to MEMORY_FD, and how far it is to TOLD_FD. */
static void look_meanwhile(char *how) {
    if (sys_clone(SIGCHLD)) return;
    sys_dup3(2, 0, 0);
    sys_dup3(MEMORY_FD, 1, 0);
    sys_dup3(TOLD_FD, LOCK_FD, 0); /* and so it has no lock to hold for longer than we do */
    sys_close_range(MEMORY_FD, ~0U);
    sys_exit(look_ahead(1, &how));
}

static bool begin_early(char *how) {
    long error = take_lock();
    if (!error && !is_lock_there()) error = -ESTALE;
    is_claimed = false;
    if (!tell_lock(error)) return false;
    /* If that cannot be, Node hears no word of it, and has the machine looked at later. */
    look_meanwhile(how);
    sys_close_range(MEMORY_FD, TOLD_FD);
    return true;
}

/* False: the lock is not to be had. */
static bool is_wanted(int count, char **word) {
    if (count == 1 && same(word[0], "lock")) return tell_lock(take_lock());
    if (count == 2 && same(word[0], "early")) return begin_early(word[1]);
    return true;
}

/* When nothing more can be asked for, it ends with the last program. */
int serve_programs(int count, char **word) {
    struct pollfd poll[MAX_JOBS + 1];
    char **env = word + count + 1;
    bool is_over = false;
    /* Not those of whoever has started ob: with SIGCHLD ignored nothing could be waited for. */
    default_dispositions();
    raise_file_limit();
    if (!is_wanted(count, word)) return FAILED;
    for (;;) {
        for (int i = 0; i < running; i++) poll[i] = (struct pollfd){.fd = jobs[i].pidfd, .events = POLLIN};
        poll[running] = (struct pollfd){.fd = !is_over && running < MAX_JOBS ? 0 : -1, .events = POLLIN};
        if (sys_ppoll(poll, (size_t)running + 1, NULL) < 0) return FAILED;
        bool is_asked = poll[running].revents;
        take_ended(poll);
        if (is_asked && !take_request(env)) is_over = true;
        if (is_over && !running) break;
    }
    while (sys_wait4(-1, NULL, 0) > 0) continue; /* for who looked */
    if (!is_claimed) remove_lock();
    return DONE;
}
