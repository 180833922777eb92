/* SPDX-License-Identifier: MIT */
/*
 * Sessions: the harness of a run, passed on to its parts.
 */
#include "test/session.h"

#include <stdio.h>
#include "log.h"
#include "test/fault_plan.h"
#include "test/findings.h"
#include "test/invariants.h"
#include "test/sim.h"
#include "test/sweep_point.h"

_Thread_local struct session *session_self;

static struct session *session_of(struct harness *harness)
{
    return (struct session *)harness;
}

static int session_engine_create(struct harness *harness, struct eddy_loop *loop, const char *name,
                                 struct engine **ret_engine)
{
    struct session *session = session_of(harness);
    struct engine *engine;
    char why[128] = "";
    session->loop = loop;
    int r = session->sim ? sim_engine_create(session->sim, loop, &engine)
                         : engine_create(name, &engine, why, sizeof why);
    if (r < 0)
        return eddy_fail(r, "no engine: %s", why[0] ? why : eddy_error_name(r));
    if (why[0])
        log_say(loop, EDDY_LOG_INFO, EDDY_LOG_NOTE, "engine %s: %s", engine->call->name, why);
    if (session->fault) {
        struct engine *wrapped;
        r = fault_engine_create(session->fault, engine, &wrapped);
        if (r < 0) {
            engine->call->destroy(engine);
            return eddy_fail(r, "no memory for an engine");
        }
        engine = wrapped;
    }
    *ret_engine = engine;
    return 0;
}

static void session_turned(struct harness *harness, struct eddy_loop *loop)
{
    sim_turned(session_of(harness)->sim, loop);
}

static void session_parked(struct harness *harness, struct wait *wait)
{
    struct session *session = session_of(harness);
    if (session->sweep)
        sweep_parked(session->sweep, wait);
}

static void session_finished(struct harness *harness, struct wait *wait)
{
    struct session *session = session_of(harness);
    if (session->sweep)
        sweep_finished(session->sweep, wait);
}

static int session_pool_open(struct harness *harness, bool processes, size_t workers, size_t queue,
                             struct eddy_pool **ret_pool)
{
    return sim_pool_open(session_of(harness)->sim, processes, workers, queue, ret_pool);
}

static int session_resolve(struct harness *harness, const char *host, int port,
                           struct address_list *ret_list)
{
    return sim_resolve(session_of(harness)->sim, host, port, ret_list);
}

static void session_closing(struct harness *harness, struct eddy_loop *loop)
{
    struct session *session = session_of(harness);
    /* What the simulated system has under way is no timer of the program's. */
    session->timers_left += loop->timers.count - (session->sim ? session->sim->timers : 0);
    size_t jobs = atomic_load(&loop->offloaded);
    session->jobs_left += jobs > loop->abandoned ? jobs - loop->abandoned : 0;
    session->abandoned = session->abandoned || loop->abandoned;
    session->watched_left += loop->watched;
    session->locks_left += loop->locks_held > 0 ? (size_t)loop->locks_held : 0;
}

static void session_closed(struct harness *harness)
{
    struct session *session = session_of(harness);
    session->descriptors_left += session->sim ? session->sim->descriptors : 0;
    session->loop = NULL;
}

void session_begin(struct session *session)
{
    session->harness = (struct harness){
        .engine_create = session_engine_create,
        .parked = session->sweep ? session_parked : NULL,
        .finished = session->sweep ? session_finished : NULL,
        .closing = session_closing,
        .closed = session_closed,
    };
    if (session->sim) {
        session->harness.turned = session_turned;
        session->harness.pool_open = session_pool_open;
        session->harness.resolve = session_resolve;
    }
    session->loop = NULL;
    session->timers_left = session->jobs_left = session->watched_left = session->locks_left = 0;
    session->descriptors_left = 0;
    session->abandoned = false;
    session->check_failed = session->check_left = false;
    session->scenario = session->scenario && findings_begin();
    session->outer = session_self;
    session_self = session;
    harness_self = &session->harness;
}

void session_end(struct session *session)
{
    if (session->scenario) {
        const struct findings *findings = findings_here();
        /* One that fails because a stuck run was given up says nothing. */
        session->check_failed = findings->file &&
                                (!findings->stuck[0] || findings->failed_before_stuck);
        if (session->check_failed)
            (void)snprintf(session->check, sizeof session->check, "%s:%d: %.*s", findings->file,
                           findings->line, 400, findings->why);
        session->check_left = findings->left;
        session_allow(session, findings->leftovers);
        findings_end();
    }
    session_self = session->outer;
    harness_self = session->outer ? &session->outer->harness : NULL;
}

void session_add(struct session *session, const struct session *ended)
{
    session->timers_left += ended->timers_left;
    session->jobs_left += ended->jobs_left;
    session->watched_left += ended->watched_left;
    session->locks_left += ended->locks_left;
    session->abandoned = session->abandoned || ended->abandoned;
}

static size_t beyond(size_t left, size_t allowed)
{
    return left > allowed ? left - allowed : 0;
}

void session_allow(struct session *session, size_t count)
{
    session->timers_left = beyond(session->timers_left, count);
    session->jobs_left = beyond(session->jobs_left, count);
    session->watched_left = beyond(session->watched_left, count);
    session->locks_left = beyond(session->locks_left, count);
}

bool session_disturbed(void)
{
    const struct session *session = session_self;
    if (invariants_allocation_failed())
        return true;
    if (!session)
        return false;
    return (session->sweep && session->sweep->what) ||
           (session->fault && session->fault->failed_call);
}
