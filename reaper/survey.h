/* The processes that `reaper look` tells of. */
#ifndef SURVEY_H
#define SURVEY_H

/* A line with OWNER (SCOPE/NAME, a cgroup below ROOT), and a line of JSON; nothing, if there is no PID 1 in it. */
void put_process(const char *root, const char *owner);
/* Without what is inside: mounts, devices, host name. */
void put_process_in_brief(const char *root, const char *owner);

#endif
