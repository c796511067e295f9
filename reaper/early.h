/* What dist/ob begins while Node starts, on another core. */
#ifndef EARLY_H
#define EARLY_H

#include <stdbool.h>

enum { MOST_EARLY = 2 };

/* For the command that WORDS are; REAPER: where that is. Gives what Node is told of it in its environment, up to MOST_EARLY of them.
 * Where anything is amiss there are none, and Node begins by itself what it needs. */
int begin_early(char *const words[], const char *reaper, char *variables[MOST_EARLY]);

/* Is it one of those that are asked for most, which have a snapshot of their own? src/cli/short-commands.ts names them as well. */
bool is_short_command(const char *command);

#endif
