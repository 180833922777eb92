/* SPDX-License-Identifier: MIT */
/*
 * What one test wrote down while it ran: the first check that failed, notes, the log.
 *
 * They form a stack of the whole process. At its bottom are those of a program without a test,
 * whose failures are printed at once; the kit puts one on it for each test, and a session with
 * `scenario` one for each of its runs, so that a check that fails in a run that was disturbed on
 * purpose is not the failure of the test around it.
 */
#ifndef EDDY_SRC_TEST_FINDINGS_H
#define EDDY_SRC_TEST_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include "eddy/log.h"

enum { FINDINGS_RECORDS = 256 };

/* A log record, copied. */
struct finding_record {
    enum eddy_log_level level;
    enum eddy_log_event event;
    char message[256], task[64], failure[64];
    double seconds;
    int code;
    bool asked_for;
};

struct findings {
    struct findings *outer;
    const char *file; /* of the first check that failed, or NULL */
    int line;
    char why[1024];
    bool left; /* a check ended a function early: what it was to release may stay */
    bool skipped;
    char skip_reason[256];
    char notes[2048];
    size_t created, finished; /* tasks */
    size_t leftovers;         /* that the body may leave to the loop's end, of each kind */
    size_t left_tasks;        /* tasks that it left, if more than those */
    bool failed_before_stuck; /* a check had, when a simulated run was given up */
    char stuck[4096];         /* of such a run: who waits for what */
    size_t record_count;
    struct finding_record records[FINDINGS_RECORDS];
};

/* The innermost. */
struct findings *findings_here(void);

/* Puts empty ones on top: false without memory, then nothing has changed. */
bool findings_begin(void);
void findings_end(void);

/* A log handler that writes down. */
void findings_log(void *context, const struct eddy_log_record *record);

/* The oldest record from warnings up that wasn't asked for yet, or NULL. */
struct finding_record *findings_next_report(void);

/* EDDY_EXPECT_REPORT, which then has the record. */
struct finding_record *findings_report(const char *file, int line, enum eddy_log_event event,
                                       const char *part);

size_t findings_count(enum eddy_log_event event);

#endif
