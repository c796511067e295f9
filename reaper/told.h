/* Texts that come again and again, as those of mounts do. */
#ifndef TOLD_H
#define TOLD_H

#include "sys.h"

/* The text in quotes where it comes for the first time; then its number, from 0, among all texts that were put in quotes here. */
void put_told(const char *text, size_t size);

#endif
