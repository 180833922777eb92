/* SPDX-License-Identifier: MIT */
/*
 * A program of the oracle's: bodies of operations, read by program.c, run by operations.c.
 */
#ifndef EDDY_TESTS_ORACLE_PROGRAM_H
#define EDDY_TESTS_ORACLE_PROGRAM_H

#include <stdbool.h>

enum { BODIES = 32, LIST = 8 };

struct op {
    int id;
    char word[12];
    int number, second;
    int list[LIST];
    struct op *block, *next;
};

/* What follows an operation's word. */
enum shape { NUMBER, TWO_NUMBERS, MANY, BLOCK };

/* A word that there isn't ends the process. */
enum shape word_shape(const char *word);

/* The program's, the first one of which is the main task's. */
extern struct op *bodies[BODIES];

/* As in CPython before 3.12, also when all are done. */
extern bool gather_always_suspends;

/* Runs the bodies in a loop of their own, and prints the trace: 0, or why there was no loop. */
int program_run(void);

#endif
