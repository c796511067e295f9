/* Network namespaces that are told of: a line with a name, then a line of JSON. */
#ifndef LOOK_H
#define LOOK_H

/* The namespace of the caller, under the name NAME. */
void look_here(const char *name);
/* Enters /run/netns/NAME, or what the path NAME leads to. */
void look_at(const char *name);

#endif
