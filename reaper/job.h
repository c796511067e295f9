/* A program that `reaper serve` has started. */
#ifndef JOB_H
#define JOB_H

#include "sys.h"

struct job {
    int64_t key; /* by which who asked for it knows it */
    bool talks;  /* it hears more than one thing, and what it says is told as it comes */
    long pid;
    int pidfd; /* -1: it has ended */
    int how;   /* then, as of wait(2) */
    int in;  /* where it hears; -1: it has heard all */
    int out; /* what it says on stdout, -1: all of that has come; on stderr */
    int err;
};

/* A file in memory; or a negative errno. */
int make_file(void);
/* With KEY and TALKS; WORDS: an absolute name, arguments. INPUT: its stdin, if it does not talk. False: told as failed. */
bool start_job(struct job *job, char **words, char **env, int input);
/* What it has said meanwhile is told. */
void tell_said(struct job *job);
void say_to(const struct job *job, const char *text, size_t size);
void close_input(struct job *job);
void kill_job(struct job *job);
/* It has ended; what it has started may still talk in its place. */
void take_end(struct job *job);
bool is_over(const struct job *job);
/* How it ended, and what it said, is told. */
void tell_end(const struct job *job);

#endif
