/* SPDX-License-Identifier: MIT */
/*
 * Where in a run the sweep strikes: at the nth time that a task parks, or that a wait is finished.
 */
#ifndef EDDY_SRC_TEST_SWEEP_POINT_H
#define EDDY_SRC_TEST_SWEEP_POINT_H

#include "eddy/sweep.h"
#include "task.h"

struct sweep_point {
    size_t parked, finished; /* counted so far */
    size_t strike;           /* at this one, from 1; 0: count only */
    bool at_finish;          /* when what was waited for has happened, not when it parked */
    unsigned kind;           /* EDDY_SWEEP_... */
    struct scope *scope;     /* a timeout around the scenario, while it lasts */
    const char *what;        /* what the wait struck was for; NULL: it never came */
    char task[192];          /* whose it was */
};

void sweep_parked(struct sweep_point *point, struct wait *wait);
void sweep_finished(struct sweep_point *point, struct wait *wait);

#endif
