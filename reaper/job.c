/* Programs: each in a session of its own, with stdin, stdout and stderr and no other file of ours. */
#include "job.h"

#include "json.h"
#include "lock.h"
#include "modes.h"
#include "process.h"
#include "text.h"

/* Of what a program has said: as JSON, where a byte may take six, it is to be no longer than a string of Node's can be. */
enum { MOST_TOLD = 1 << 26 };

/* Of those who write to one open file of this kind at the same time each takes the place where the last one was before: other
 * files have a lock for that. To its end all of them can write. */
int make_file(void) {
    int file = (int)sys_memfd_create("ob", MFD_CLOEXEC);
    if (file >= 0) sys_fcntl(file, F_SETFL, O_APPEND);
    return file;
}

static void close_file(int file) {
    if (file >= 0) sys_close(file);
}

/* What the program itself has as stdin and stdout. */
struct ends {
    int in, out;
};

/* Two pipes. Who only hears what has been said before, and is told of at its end, has files. */
static struct ends open_talk(struct job *job) {
    int heard[2] = {-1, -1}, said[2] = {-1, -1};
    sys_pipe2(heard, O_CLOEXEC);
    sys_pipe2(said, O_CLOEXEC);
    job->in = heard[1];
    job->out = said[0];
    if (job->out >= 0) sys_fcntl(job->out, F_SETFL, O_NONBLOCK);
    return (struct ends){heard[0], said[1]};
}

__attribute__((noreturn)) static void become(const struct job *job, const struct ends *ends, char **words, char **env) {
    sys_setsid();
    sys_dup3(ends->in, 0, 0);
    sys_dup3(ends->out, 1, 0);
    sys_dup3(job->err, 2, 0);
    default_dispositions();
    set_mask(0);
    sys_close(LOCK_FD); /* a program may start what never ends */
    long error = sys_execve(words[0], words, env);
    write_error(2, words[0], "exec", error, "");
    sys_exit(FAILED);
}

/* Without a file of its own for each it would read our requests, or write into our answers. */
static long begin(struct job *job, const struct ends *ends, char **words, char **env) {
    if (ends->in < 0 || ends->out < 0 || job->err < 0) return -EMFILE;
    job->pid = sys_clone(SIGCHLD);
    if (job->pid == 0) become(job, ends, words, env);
    if (job->pid < 0) return job->pid;
    job->pidfd = (int)sys_pidfd_open(job->pid);
    if (job->pidfd >= 0) return 0;
    sys_kill(job->pid, SIGKILL);
    sys_wait4(job->pid, NULL, 0);
    return job->pidfd;
}

static void put_number_of(const char *name, int64_t value, bool *first) {
    put_key(name, first);
    put_number(value);
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

bool start_job(struct job *job, char **words, char **env, int input) {
    struct ends ends;
    job->err = make_file();
    if (job->talks) {
        ends = open_talk(job);
    } else {
        job->in = -1;
        job->out = make_file();
        ends = (struct ends){input, job->out};
    }
    long error = begin(job, &ends, words, env);
    if (job->talks) {
        close_file(ends.in);
        close_file(ends.out);
    }
    if (error == 0) return true;
    close_file(job->in);
    close_file(job->out);
    close_file(job->err);
    tell_failure(job->key, error);
    return false;
}

static void close_output(struct job *job) {
    close_file(job->out);
    job->out = -1;
}

/* {"key":KEY,"said":"LINES"}. Of a line that has begun the rest is there: each is written at once (text.h). */
void tell_said(struct job *job) {
    static char said[16384];
    bool first = true;
    long used = sys_read(job->out, said, sizeof said / 2);
    if (used <= 0) {
        if (used != -EAGAIN) close_output(job);
        return;
    }
    while (said[used - 1] != '\n' && (size_t)used < sizeof said && sys_read(job->out, said + used, 1) == 1) used++;
    put_text("{");
    put_number_of("key", job->key, &first);
    put_key("said", &first);
    put_bytes(said, (size_t)used);
    put_text("}\n");
    flush_json();
}

void say_to(const struct job *job, const char *text, size_t size) {
    if (job->in >= 0) sys_write(job->in, text, size);
}

void close_input(struct job *job) {
    close_file(job->in);
    job->in = -1;
}

static void put_file(const char *name, int file, bool *first) {
    uint64_t size = 0;
    is_regular(file, &size);
    if (size > MOST_TOLD) size = MOST_TOLD;
    long text = size ? sys_mmap(size, file) : 0;
    put_key(name, first);
    put_bytes(text > 0 ? (const char *)text : "", text > 0 ? size : 0);
    if (text > 0) sys_munmap((void *)text, size);
    sys_close(file);
}

/* Whoever talks in its place is not heard any more. */
void kill_job(struct job *job) {
    if (job->pidfd >= 0) sys_pidfd_send_signal(job->pidfd, SIGKILL, NULL);
    else if (job->talks) close_output(job);
}

void take_end(struct job *job) {
    if (sys_wait4(job->pid, &job->how, 0) < 0) job->how = FAILED << 8;
    sys_close(job->pidfd);
    job->pidfd = -1;
    close_input(job);
}

bool is_over(const struct job *job) { return job->pidfd < 0 && (!job->talks || job->out < 0); }

/* {"key":KEY,"exit":STATUS,"out":"...","err":"..."}; killed by a signal it has no exit. */
void tell_end(const struct job *job) {
    bool first = true;
    put_text("{");
    put_number_of("key", job->key, &first);
    if (!(job->how & 127)) put_number_of("exit", exit_status(job->how), &first);
    if (!job->talks) put_file("out", job->out, &first);
    put_file("err", job->err, &first);
    put_text("}\n");
    flush_json();
}
