/* What goes between the caller's streams and those of a command inside. */
#ifndef RELAY_H
#define RELAY_H

#include "sys.h"

/* Bytes on their way. FROM or TO is -1 once that side is closed. */
struct channel {
    int from, to;
    int at, length;
    char bytes[4096];
};

struct streams {
    int inside[3]; /* what the command gets as 0, 1, 2 */
    int terminal;  /* the relay's end of a new terminal inside, or -1 */
    struct channel channel[3];
    int channels;
};

/* Makes the command's streams. PID: of the subhost's PID 1. OWN: none of them is the caller's, as who made a pipe owns it, and
 * nobody else can open it anew (/dev/stdout). */
void open_streams(struct streams *streams, bool own, const char *pid);
/* In the command: makes them its 0, 1 and 2. */
void take_streams(struct streams *streams, const char *pid);
/* Carries bytes and signals until the command PID has ended; gives its exit status. */
int relay(struct streams *streams, long pid);

/* A new terminal of the subhost's: the relay's end, and in *INSIDE the command's. */
int open_terminal(const char *pid, int *inside);
bool is_terminal(int fd);
/* Every key goes through to the command from here on, until restore_terminal. */
void make_raw(int fd);
void restore_terminal(int fd);
void copy_window_size(int from, int to);
void take_controlling_terminal(int fd);

#endif
