/* What dist/ob begins while Node starts, on another core. */
#ifndef EARLY_H
#define EARLY_H

#include <stdbool.h>

enum { MOST_EARLY = 2 };

/* For the command that WORDS are; REAPER: where that is. Gives what Node is told of it in its environment, up to MOST_EARLY of them.
 * Where anything is amiss there are none, and Node begins by itself what it needs. */
int begin_early(char *const words[], const char *reaper, char *variables[MOST_EARLY]);

/* Do they name a command that only reads, one that changes something? */
bool only_reads(const char *command);
bool changes(const char *command);

#endif
