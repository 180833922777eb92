/* SPDX-License-Identifier: MIT */
/*
 * The little task programs that fuzz/scope.c makes of bytes.
 *
 * A program is a row of procedures; the first one is the main task's. A procedure is a row of
 * statements, and the blocks among them (group, timeout, shield) have rows of their own. Two bytes
 * make a statement: what it does and what to do when it gives an error, then its operand. Any bytes
 * are a program, and a small change of the bytes is a small change of the program. Only so many
 * statements, levels of blocks and tasks are possible, so each program ends, unless its tasks wait
 * for each other in a circle.
 */
#ifndef EDDY_FUZZ_PROGRAM_H
#define EDDY_FUZZ_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    MAX_STATEMENTS = 96,
    MAX_PROCEDURES = 8,
    MAX_DEPTH = 6,   /* blocks within blocks */
    MAX_TASKS = 32,  /* made in all; a spawn beyond is left out */
    TASKS_CAP = 12,  /* at a time: beyond, a spawn fails (eddy_options.max_tasks) */
    MAX_GROUPS = 64, /* opened in all; a group beyond is left out */
};

enum what {
    DO_SLEEP,    /* so many half seconds, 0: a yield */
    DO_PERSIST,  /* many yields in a row, whatever they give */
    DO_RETURN,   /* ends the task, through all its blocks */
    DO_FAIL,     /* sets the block's error variable and leaves the block */
    DO_GROUP,    /* the operand says its policy */
    DO_TIMEOUT,  /* so many half seconds */
    DO_DEADLINE, /* the same by eddy_with_timeout_at */
    DO_SHIELD,
    DO_SPAWN,        /* low digit: the procedure, high digit: the group */
    DO_CREATE,       /* a task of the loop */
    DO_CANCEL,       /* from here on the operand names a task by its number */
    DO_AWAIT,        /* eddy_await */
    DO_WAIT,         /* eddy_task_wait */
    DO_RESULT,       /* eddy_task_result */
    DO_RELEASE,      /* eddy_task_release */
    DO_CANCEL_GROUP, /* the operand names a group */
    DO_OBSERVE,      /* eddy_cancelled, eddy_group_size, eddy_all_tasks */
    DO_END,          /* of the block, or of the procedure */
    DO_COUNT,
};

/* When a statement or a block gave a negative code. */
enum then { THEN_RETURN, THEN_LEAVE, THEN_GO_ON, THEN_COUNT };

enum { NONE = -1 };

struct statement {
    enum what what;
    enum then then;
    uint8_t operand;
    int body; /* of a block: its first statement */
    int next; /* of the same row */
};

struct program {
    struct statement statements[MAX_STATEMENTS];
    int statement_count;
    int procedures[MAX_PROCEDURES]; /* their first statements */
    int procedure_count;            /* at least 1 */
};

void program_decode(struct program *program, const uint8_t *bytes, size_t size);
void program_print(const struct program *program, FILE *stream);

bool is_block(enum what what);

/* What operands mean. */
double operand_seconds(const struct statement *statement);
int operand_code(const struct statement *statement);
int operand_repeats(const struct statement *statement);
int operand_procedure(const struct program *program, const struct statement *statement);
bool operand_runs_all(const struct statement *statement);

/* Which of the groups open now a statement means: the task's own innermost one, if it has one, or
 * the operand's newest of all. `open` has them, oldest first, by their numbers; NONE for none. */
int operand_group(const struct statement *statement, int own, const int *open, int count);

#endif
