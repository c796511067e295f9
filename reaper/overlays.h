/* Overlays, of which many mount namespaces may have a copy. */
#ifndef OVERLAYS_H
#define OVERLAYS_H

#include "sys.h"

/* Does this line of mountinfo, up to its end or that of the text, show an overlay that no line before has shown? */
bool is_new_overlay(const char *line);

/* Those that are new among the mounts of the process whose folder PID below AT is, each as its line of mountinfo with a space in
 * front. A line with nothing but that space behind them: it has ended, or they are not to be known. */
void put_new_overlays(int at, const char *pid);

#endif
