/* SPDX-License-Identifier: MIT */
/*
 * One run under eddy-test: the harness of its loop, put together from the parts that are asked for.
 *
 *      engine_create   sim ? sim_engine : the real one;  fault ? wrapped by fault_engine
 *      turned          order (of sim)
 *      parked/finished sweep
 *      pool_open, resolve    sim
 *      memory watcher  fault, and the count for leaks
 *
 * Each part is a pointer here, NULL when not asked for, and keeps its own state in a struct of its
 * own header. A session is on one thread and holds one loop at a time; a plain test may run several
 * one after the other in it.
 *
 * Who runs a program of the user's many times (search, sweep, fault) sets `scenario`: then checks
 * of eddy/test.h that fail in it are this run's, to be read after session_end, and not the failure
 * of the test around it.
 */
#ifndef EDDY_SRC_TEST_SESSION_H
#define EDDY_SRC_TEST_SESSION_H

#include "harness.h"
#include "loop.h"

struct sim;
struct fault_plan;
struct sweep_point;

struct session {
    struct harness harness; /* first */
    struct eddy_loop *loop; /* while there is one */
    struct sim *sim;
    struct fault_plan *fault;
    struct sweep_point *sweep;
    bool scenario;
    struct session *outer; /* what was the thread's before */

    /* seen at the loops' ends, for the invariants */
    size_t timers_left, jobs_left, watched_left;
    size_t locks_left; /* held by tasks that have ended; of permits nobody knows the holder */
    bool abandoned; /* a thread may be at work for a job that nobody waits for, and keep things */
    size_t descriptors_left; /* simulated ones, after the loop's end */

    /* of a scenario, at its end */
    bool check_failed; /* one of eddy/test.h did, */
    char check[512];   /* "file:line: what was wrong", the first; */
    bool check_left;   /* and one ended its function early */
};

/* The thread's, or NULL. */
extern _Thread_local struct session *session_self;

/* Loops made on this thread from now on belong to it. The parts are set by the caller before. */
void session_begin(struct session *session);
void session_end(struct session *session);

/* What was left in a session that has ended, added to one around it. */
void session_add(struct session *session, const struct session *ended);

/* So many of each kind were to be left. */
void session_allow(struct session *session, size_t count);

/* Whether something of the thread's run was disturbed on purpose by now. */
bool session_disturbed(void);

#endif
