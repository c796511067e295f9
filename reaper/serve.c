/* reaper serve [lock|early LOOK]: starts programs for ob, as many at a time as it asks for, and tells how each ended and what it said. A
 * program that Node starts itself costs Node, which is large, a copy of its page tables, and a fault for every page that it
 * writes to afterwards; here it costs next to nothing.
 *
 * A request is a line `WHAT KEY BYTES INPUT`, then so many bytes of words with a NUL after each, the first of them the absolute
 * name of a program, then so many bytes of input. WHAT is
 *
 *   run    the program is started, and has the input as its stdin; what it says is told when it has ended
 *   talk   it is started, hears what is said to it from then on, and what it says on stdout is told as it comes, in whole lines
 *   say    the input is for the program that was asked for with this key
 *   close  there is nothing more for it to hear
 *   kill
 *
 * An answer is a line of JSON, see job.c.
 *
 * `lock`: first of all the file is locked that is open as descriptor 3, and that is told; if it is not to be had, this ends. `early`:
 * the same for who is not there yet (early.c), and then the machine is looked at, for all or in `brief`, see ahead.c: what is seen
 * is good for as long as nobody else can have the lock. */
#include "job.h"
#include "json.h"
#include "lock.h"
#include "modes.h"
#include "process.h"
#include "text.h"

enum { MAX_JOBS = 64, MAX_BYTES = 1 << 20, MAX_WORDS = 1 << 15, HEAD_BYTES = 96, MEMORY_FD = 4, TOLD_FD = 5, LONGEST_LOOK_MS = 10000 };

static struct job jobs[MAX_JOBS];
static int running;
/* Has anybody come for whom the lock was taken early? From then on it is theirs to remove. */
static bool is_claimed = true;
/* Who looks at the machine meanwhile, and whether it does still; -1: nobody does. */
static long looker;
static int looker_fd = -1;
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

struct request {
    char what[HEAD_BYTES];
    int64_t key, size, input;
};

/* Where the next word of a line begins; the one before ends. */
static char *next_word(char *text) {
    while (*text && *text != ' ') text++;
    if (*text) *text++ = 0;
    return text;
}

static bool read_head(struct request *request) {
    size_t length = 0;
    for (;; length++) {
        if (length == HEAD_BYTES || !read_all(request->what + length, 1)) return false;
        if (request->what[length] == '\n') break;
    }
    request->what[length] = 0;
    char *key = next_word(request->what), *size = next_word(key), *input = next_word(size);
    return parse_number(key, &request->key) && parse_number(size, &request->size) && parse_number(input, &request->input);
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

static bool take_program(const struct request *request, char **env) {
    if (request->size > MAX_BYTES || !read_all(bytes, (size_t)request->size)) return false;
    int file = make_file();
    if (!read_input(file, request->input) || !split_words((size_t)request->size)) return false;
    struct job *job = &jobs[running];
    *job = (struct job){.key = request->key, .talks = same(request->what, "talk")};
    if (start_job(job, words, env, file)) running++;
    if (file >= 0) sys_close(file);
    return true;
}

static struct job *find_job(int64_t key) {
    for (int i = 0; i < running; i++)
        if (jobs[i].key == key) return &jobs[i];
    return NULL;
}

/* Of one that has ended nothing more is to be done. */
static bool take_word(const struct request *request) {
    struct job *job = find_job(request->key);
    if (request->input > MAX_BYTES || !read_all(bytes, (size_t)request->input)) return false;
    if (!job) return true;
    if (same(request->what, "say")) say_to(job, bytes, (size_t)request->input);
    if (same(request->what, "close")) close_input(job);
    if (same(request->what, "kill")) kill_job(job);
    return true;
}

static bool take_request(char **env) {
    struct request request;
    if (!read_head(&request)) return false;
    is_claimed = true;
    return request.size ? take_program(&request, env) : take_word(&request);
}

static void take_news(const struct pollfd *ended, const struct pollfd *said) {
    for (int i = 0; i < running; i++) {
        if (said[i].revents) tell_said(&jobs[i]);
        if (ended[i].revents) take_end(&jobs[i]);
    }
}

static void tell_ended(void) {
    int left = 0;
    for (int i = 0; i < running; i++) {
        if (is_over(&jobs[i])) tell_end(&jobs[i]);
        else jobs[left++] = jobs[i];
    }
    running = left;
}

/* Has it said that it was done, nobody reads on. Else, however it has ended, whoever waits for more hears that there is none: others
 * may have its end of the pipe too, as a tracer has. One that has not ended by now may never do, and is not waited for. */
static void end_look(bool has_ended) {
    int64_t none = 0;
    if (has_ended) sys_wait4(looker, NULL, 0);
    else if (looker > 0) sys_kill(looker, SIGKILL);
    if (looker_fd >= 0) sys_close(looker_fd);
    looker_fd = -1;
    sys_write(TOLD_FD, &none, sizeof none);
    sys_close(TOLD_FD);
}

/* Writes what it sees to MEMORY_FD, and how far it is to TOLD_FD. */
static void look_meanwhile(char *how) {
    looker = sys_clone(SIGCHLD);
    if (looker) {
        sys_close(MEMORY_FD);
        looker_fd = looker < 0 ? -1 : (int)sys_pidfd_open(looker);
        if (looker_fd < 0) end_look(false);
        return;
    }
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
    sys_fcntl(TOLD_FD, F_SETFD, FD_CLOEXEC);
    look_meanwhile(how);
    return true;
}

/* False: the lock is not to be had. */
static bool is_wanted(int count, char **word) {
    if (count == 1 && same(word[0], "lock")) return tell_lock(take_lock());
    if (count == 2 && same(word[0], "early")) return begin_early(word[1]);
    return true;
}

/* Those that have been asked for something, and will not be told to stop. */
static bool is_at_work(void) {
    for (int i = 0; i < running; i++)
        if (!jobs[i].talks) return true;
    return false;
}

/* When nothing more can be asked for, it ends with the last program; those that talk have nobody to talk with then, and end by
 * themselves, or go on in their own name: without the lock, as who asked for them would have left them. */
int serve_programs(int count, char **word) {
    struct pollfd poll[2 * MAX_JOBS + 2];
    char **env = word + count + 1;
    bool is_last = false;
    /* Not those of whoever has started ob: with SIGCHLD ignored nothing could be waited for. */
    default_dispositions();
    raise_file_limit();
    if (!is_wanted(count, word)) return FAILED;
    int64_t deadline = now_ms() + LONGEST_LOOK_MS;
    while (!is_last || is_at_work()) {
        struct pollfd *said = poll + running, *asked = said + running, *looked = asked + 1;
        for (int i = 0; i < running; i++) {
            poll[i] = (struct pollfd){.fd = jobs[i].pidfd, .events = POLLIN};
            said[i] = (struct pollfd){.fd = jobs[i].talks ? jobs[i].out : -1, .events = POLLIN};
        }
        *asked = (struct pollfd){.fd = !is_last && running < MAX_JOBS ? 0 : -1, .events = POLLIN};
        *looked = (struct pollfd){.fd = looker_fd, .events = POLLIN};
        timespec limit = time_until(deadline);
        if (sys_ppoll(poll, (size_t)(looked - poll) + 1, looker_fd < 0 ? NULL : &limit) < 0) return FAILED;
        take_news(poll, said);
        if (looked->revents) end_look(true);
        else if (looker_fd >= 0 && now_ms() >= deadline) end_look(false);
        if (asked->revents && !take_request(env)) is_last = true;
        tell_ended();
    }
    if (looker_fd >= 0) end_look(false);
    if (!is_claimed) remove_lock();
    return DONE;
}
