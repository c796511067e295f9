/* reaper log: the end of a subhost's boot log, reached without following anything planted inside. */
#include "boot.h"
#include "modes.h"
#include "process.h"
#include "text.h"

static long open_boot_log(const char *pid) {
    long root = open_proc_file(pid, "root", O_PATH | O_DIRECTORY);
    if (root < 0) return root;
    /* O_NONBLOCK: a FIFO in its place must not hold us. */
    long log = open_below((int)root, "run/boot.log", O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0);
    sys_close((int)root);
    return log;
}

static long write_tail(int log, uint64_t size, uint64_t wanted) {
    char buffer[4096];
    uint64_t at = size > wanted ? size - wanted : 0;
    while (at < size) { /* what is appended meanwhile is not waited for */
        size_t part = size - at < sizeof buffer ? (size_t)(size - at) : sizeof buffer;
        long got = sys_pread(log, buffer, part, at);
        if (got <= 0) return got;
        for (long done = 0, put; done < got; done += put)
            if ((put = sys_write(1, buffer + done, (size_t)(got - done))) < 0) return put;
        at += (uint64_t)got;
    }
    return 0;
}

static int fail(const char *pid, const char *step, long error) {
    write_error(1, pid, step, error, "/run/boot.log");
    return FAILED;
}

int show_log(int count, char **word) {
    int64_t wanted;
    uint64_t size;
    if (count != 3 || !parse_number(word[2], &wanted)) return USAGE;
    long pidfd = open_process(word[0], word[1]);
    long log = pidfd < 0 ? pidfd : open_boot_log(word[0]);
    /* Still alive after the open: then the root was its own, not that of a PID used anew. */
    if (pidfd < 0 || has_ended((int)pidfd)) {
        write_word(1, word[0], "other");
        return FAILED;
    }
    if (log < 0) return fail(word[0], "open", log);
    if (!is_regular((int)log, &size)) return fail(word[0], "open", -EINVAL);
    long error = write_tail((int)log, size, (uint64_t)wanted);
    return error < 0 ? fail(word[0], "read", error) : DONE;
}
