/* PID 1 of a subhost: what it knows. */
#ifndef INIT_H
#define INIT_H

#include "sys.h"

enum { FOREVER = 0 }; /* a deadline that never comes */

struct init {
    const char *mark;
    char *runs;   /* "runs:NN": retries finished so far; "stop:NN" once it is to end */
    char **slot;  /* "STATE:ENTRY", a record that is read from outside as /proc/PID/cmdline */
    int slots;
    char **argv, **env;
    int64_t start_ms, stop_ms;
    int status_fd;      /* -1 once nobody listens */
    long command;       /* the start or stop command that is running, or 0 */
    int command_status; /* its exit status once it has ended */
    char *end;          /* where it says its end, or NULL */
    int last;           /* exit status of the child reaped last */
    bool stopping;
};

/* Reaps all that has ended; true while any child is left. */
bool reap(struct init *init);
/* The next signal of SET, or -EAGAIN at DEADLINE (0: none). Notes an order to stop. */
long next_signal(struct init *init, signal_set set, siginfo_t *info, int64_t deadline);
/* A new child in a session of its own with nothing blocked: 0 there, its PID here. */
long fork_child(void);

bool is_missing_option(const char *slot);
/* Runs an entry with ACTION ("start", "stop"), gives its exit status. */
int run_entry(struct init *init, const char *slot, const char *action, int64_t limit_ms);
/* The name of the slot's entry: without state, without "?". */
struct line;
void add_name(struct line *line, const char *slot);

/* PID 1; gives its exit status. */
int run_init(int count, char **argv, char **env);
void start_dummy(const struct init *init);

#endif
