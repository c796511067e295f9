/* Roots of subhosts, while they are made. */
#ifndef ROOTS_H
#define ROOTS_H

#include "sys.h"

/* What went wrong first. */
struct failure {
    const char *step;
    long error;
    char words[256];
};

/* Keeps the step, if that is what its result says. */
bool did(struct failure *failure, const char *step, long result);
bool set(int fs, const char *key, const char *value, struct failure *failure);
/* The mount of a filesystem that is set up, or -1. */
int finish(int fs, bool fine, unsigned attributes, struct failure *failure);
/* WORD: UPPER WORK. A mount that is nowhere yet, or -1. */
int make_overlay(const char *mark, const char *lower, char **word, struct failure *failure);
/* WORD: LOWER UPPER WORK FIRST: the same, with all that is below the upper directory shown as FIRST's, see ids.h. */
int make_mapped(const char *mark, char **word, struct failure *failure);

#endif
