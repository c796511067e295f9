/* Network namespaces and processes that are told of: a line with a name, then a line of JSON. */
#ifndef LOOK_H
#define LOOK_H

/* From now on links without their addresses and routes, processes without what is inside: enough for who only takes all of it away. */
void look_in_brief(void);
/* The namespace of the caller, under the name NAME. */
void look_here(const char *name);
/* Enters /run/netns/NAME, or what the path NAME leads to. */
void look_at(const char *name);
/* The PID 1 in the group OWNER (SCOPE/NAME) below ROOT. */
void look_at_process(const char *root, const char *owner);

#endif
