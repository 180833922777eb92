/* SPDX-License-Identifier: MIT */
/*
 * Searching for the schedule that breaks a program (library eddy-test).
 *
 *     struct eddy_search_options search = {.name = "two_writers", .scenario = two_writers};
 *     struct eddy_search_result result;
 *     if (eddy_search(&search, &result) < 0)       // found one; it is printed with its replay line
 *
 * A scenario is the main task of a simulated run (sim.h) and fails by a negative result, by a check
 * of eddy/test.h that doesn't hold, by leaving something behind (tasks, timers, descriptors, jobs,
 * memory), by a deadlock, or by running on for ever. A failing run is shrunk: its choices are
 * dropped and made plainer as long as it still fails. What is left is printed as one line,
 *
 *     EDDY_REPLAY=two_writers:7:0,2,1 ./test_program
 *
 * which makes the next eddy_search of that name run just this one.
 */
#ifndef EDDY_SEARCH_H
#define EDDY_SEARCH_H

#include <eddy/sim.h>

EDDY_BEGIN_DECLS

enum eddy_search_strategy {
    EDDY_SEARCH_RANDOM,     /* a seed a run, order shuffled: EDDY_SIM_SHUFFLED */
    EDDY_SEARCH_PRIORITIES, /* a seed a run, EDDY_SIM_PRIORITIES */
    EDDY_SEARCH_EXHAUSTIVE, /* every order, depth first, for scenarios of few choices; what else
                               chance decides is as the first seed has it */
};

enum { EDDY_SEARCH_REPLAY_SIZE = 1024 };

struct eddy_search_options {
    const char *name; /* for the report and the replay line */
    int (*scenario)(void);
    enum eddy_search_strategy strategy;
    uint64_t first_seed;         /* 0: 1 */
    uint64_t runs;               /* at most; 0: 1000, or without limit if exhaustive */
    struct eddy_sim_options sim; /* its order is the strategy's */
    bool
        plain; /* the scenario is called outside of any loop, and runs its own, with options of its own
                   (by a virtual clock), one after another */
    bool quiet; /* print nothing */
};

struct eddy_search_result {
    uint64_t runs; /* made until the first failure, or all */
    bool complete; /* exhaustive: there is no other order */
    uint64_t seed; /* of the failing run */
    int code;      /* what it gave: a negative errno, -EBADE for a failed check or a leak */
    char why[256]; /* in words */
    size_t choices, smallest;             /* of the failing run as found, and shrunk */
    char replay[EDDY_SEARCH_REPLAY_SIZE]; /* "name:seed:choices" */
};

/* 0: no run failed. Else the failing run's code, and the result tells more. -EINVAL for a search
 * without a scenario. Not inside a loop (-EBUSY). */
EDDY_API EDDY_MUST_USE int eddy_search(const struct eddy_search_options *search,
                                       struct eddy_search_result *result);

EDDY_END_DECLS
#endif
