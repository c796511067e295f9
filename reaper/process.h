/* What several modes need of processes: signals, deadlines, descriptors, and who a PID is. */
#ifndef PROCESS_H
#define PROCESS_H

#include "sys.h"

/* The kernel's SIGRTMIN is 32; a libc keeps the first two for its threads. */
#define RETRY_SIGNAL 34

enum { MAX_ITEMS = 4096 }; /* subhosts in one call */

void block_signal(int signal);
void set_mask(signal_set blocked);
void default_dispositions(void);

int64_t now_ms(void);
/* Time left until DEADLINE, never negative. */
timespec time_until(int64_t deadline);

/* One descriptor per subhost is held: lifts the soft limit. */
void raise_file_limit(void);
/* The soft limit that programs are used to, which systemd gives its services too: some close all that there may be, or select(2)
 * among them. What the caller had tells nothing: Node, which starts us, has lifted its own. */
void lower_file_limit(void);

/* A pidfd of the process PID that started at TICKS, or -ESRCH. */
long open_process(const char *pid, const char *ticks);
bool has_ended(int pidfd);
long open_proc_file(const char *pid, const char *name, int flags);
/* What uname(2) tells: struct new_utsname of <linux/utsname.h>. */
struct names {
    char system[65], host[65], rest[4][65];
};
/* Of a uts namespace, which this process is in from then on: nothing asks in which of them it is. */
bool enter_names(int uts, struct names *names);
bool is_regular(int fd, uint64_t *size);
/* All that is left of FROM. */
long copy_bytes(int to, int from);
/* 0-255 as a shell has it: 128+n for signal n. */
int exit_status(int wait_status);

#endif
