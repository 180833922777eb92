/* SPDX-License-Identifier: MIT */
/*
 * A search from inside.
 *
 *     search.c        strategies, and what is said of a run that failed
 *     search_run.c    one run, and what came of it
 *     exhaustive.c    which order comes next
 *     shrink.c        a plainer run that fails, too
 *     replay.c        choices as text
 *     crash_line.c    a line printed when the process dies of a run
 */
#ifndef EDDY_SRC_TEST_SEARCH_H
#define EDDY_SRC_TEST_SEARCH_H

#include "eddy/search.h"
#include "test/choice.h"

struct search {
    const struct eddy_search_options *asked;
    const char *name;
    struct eddy_sim_options options; /* of the runs */
    eddy_log_function *log;          /* the program's, or NULL */
    void *log_context;
    bool loud;         /* this run is shown */
    size_t tasks_left; /* by the scenario of this run */
    char stuck[256];   /* who waits for what, of a run that was given up */
};

/* What to run. */
struct search_plan {
    uint64_t seed;
    const uint32_t *choices; /* NULL: the seed's own */
    size_t choice_count;
    bool order_only; /* the choices are of order alone, the rest are the seed's */
    bool record;
    bool shown; /* with its log, and how it departs from first in, first out */
};

struct search_outcome {
    int code; /* 0, or how it failed */
    char why[256];
    uint64_t steps;
    struct choice *recorded;
    size_t recorded_count;
    bool lost; /* not all of them: no memory */
};

/* 0, or a negative errno if there was no run. The outcome's memory is the caller's. */
int search_run(struct search *search, const struct search_plan *plan, struct search_outcome *ret);
void search_outcome_free(struct search_outcome *outcome);

/* ---- exhaustive.c ---- */

/* The order choices of the next run, all of those that come first; the rest of it takes zeros. */
struct order_path {
    uint32_t *choices;
    size_t count, capacity;
};

/* The path after the one whose run gave this outcome: 1, 0 if that was the last one, -ENOMEM. */
int order_path_next(struct order_path *path, const struct search_outcome *outcome);

/* ---- shrink.c ---- */

/* Of choices after which come zeros; owned by the caller. */
struct choice_list {
    uint32_t *choices;
    size_t count;
};

/* The plainest choices found with which the seed's run fails by the same code as it did with the
 * recorded ones. False if it doesn't even with all of them, or without memory. */
bool shrink(struct search *search, uint64_t seed, const struct search_outcome *failed,
            struct choice_list *ret_smallest);

/* ---- replay.c ---- */

/* "name:seed", with choices "name:seed:0,2,0*7,1", of order alone "name:seed:@0,2": false if it
 * doesn't fit. */
bool replay_write(const char *name, const struct search_plan *plan, char *text, size_t size);

/* What $EDDY_REPLAY asks for: 1 and a plan whose choices are the caller's to free, 0 if nothing of
 * this name, -EINVAL with a report, -ENOMEM. */
int replay_read(const char *name, struct search_plan *ret_plan);

/* ---- crash_line.c ---- */

/* From begin to end a signal that kills prints the line that was set last. Nestable. */
void crash_line_begin(void);
void crash_line_end(void);
void crash_line_set(const char *line);

/* Within a loop, whose own handlers come first otherwise and say nothing else. */
void crash_line_inside_begin(void);
void crash_line_inside_end(void);

#endif
