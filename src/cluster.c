/* SPDX-License-Identifier: MIT */
/*
 * Clusters: a thread a loop, each with lives of the same main task, one after the other.
 *
 *      start --> thread: [ run: begin, the user's function, end ] --again?--> [ run ... ] --> ended
 *                                 |  entered                        ^
 *                                 v                                 | restart_delay, or stop
 *      stop ---post---> cancels the main task       failed: policy -+--> all are stopped
 *
 * `loop` of a member is set while its main task runs, under the lock; so whoever holds the lock and
 * finds one there may post to it. One post stops a member, once: nothing begins after a stop.
 */
#include "eddy/cluster.h"
#include <sched.h>
#include <string.h>
#include "group.h"
#include "group_supervise.h"
#include "log.h"
#include "memory.h"
#include "remote_wait.h"
#include "thread_wait.h"

#define CLUSTER_LOOPS 1024
#define RESTART_DELAY 0.1 /* seconds */

/* One loop's. */
struct eddy_cluster_loop_ {
    eddy_cluster *cluster;
    int index;
    pthread_t thread;
    struct post stop;

    /* its thread's */
    struct task *main;
    bool began, again; /* this life's main task; and it is to begin anew */

    /* guarded by the lock */
    struct eddy_loop *loop; /* while its main task runs */
    bool entered;           /* it did once, or couldn't */
};

struct eddy_cluster {
    struct eddy_cluster_options options;
    struct life life;
    const struct eddy_site_ *site;

    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t changed;
    bool stopping;
    size_t threads, running; /* threads made; of those, not ended */
    size_t entered;          /* main tasks that have begun once, or couldn't */
    bool unmade;             /* a loop couldn't be made */
    struct group_restarts restarts;
    int code; /* the first failure that stands, and its story */
    struct eddy_failure *failure;
    struct list waiters;

    size_t count;
    struct eddy_cluster_loop_ loops[];
};

static _Thread_local struct eddy_cluster_loop_ *cluster_here;

/* ---- stopping, with the lock held ---- */

/* On the loop's thread, or without a loop when that is being destroyed. */
static void member_stop(struct post *post)
{
    struct eddy_cluster_loop_ *member = container_of(post, struct eddy_cluster_loop_, stop);
    if (loop_self && member->main)
        task_cancel(member->main);
}

static void cluster_stop(eddy_cluster *cluster)
{
    if (cluster->stopping)
        return;
    cluster->stopping = true;
    (void)pthread_cond_broadcast(&cluster->changed);
    for (size_t i = 0; i < cluster->threads; i++)
        if (cluster->loops[i].loop)
            loop_post(cluster->loops[i].loop, &cluster->loops[i].stop);
}

/* The failure stands. */
static void cluster_fail(eddy_cluster *cluster, int code, const char *task, const char *why)
{
    if (cluster->code == 0) {
        cluster->code = code;
        cluster->failure = failure_make_text(code, task, why);
    }
    if (cluster->options.policy != EDDY_CLUSTER_GO_ON)
        cluster_stop(cluster);
}

/* ---- one life of a loop ---- */

/* In its main task: what its failure does. */
static void member_failed(struct eddy_cluster_loop_ *member, int code)
{
    eddy_cluster *cluster = member->cluster;
    const struct eddy_failure *failure = eddy_last_failure();
    const char *why = eddy_failure_code(failure) == code ? eddy_failure_message(failure) : "";
    char name[TASK_NAME_SIZE];
    task_current_name(name);
    (void)pthread_mutex_lock(&cluster->lock);
    bool stopped = cluster->stopping && code == -ECANCELED;
    member->again = !cluster->stopping && cluster->options.policy == EDDY_CLUSTER_RESTART &&
                    restarts_take(&cluster->restarts, clock_monotonic());
    if (!member->again && !stopped)
        cluster_fail(cluster, code, name, why);
    bool all = cluster->stopping;
    (void)pthread_mutex_unlock(&cluster->lock);
    if (!stopped)
        log_say(NULL, EDDY_LOG_ERROR, EDDY_LOG_NOTE, "loop %d of %zu failed with %s%s%s%s",
                member->index, cluster->count, eddy_error_name(code), why[0] ? ": " : "", why,
                member->again ? ", and begins anew"
                : all         ? ", and all are stopped"
                              : ", and the others go on");
}

static int member_main(struct eddy_cluster_loop_ *member)
{
    eddy_cluster *cluster = member->cluster;
    (void)pthread_mutex_lock(&cluster->lock);
    member->main = task_current();
    member->loop = loop_self;
    cluster->entered += !member->entered;
    member->entered = member->began = true;
    bool stopping = cluster->stopping;
    (void)pthread_cond_broadcast(&cluster->changed);
    (void)pthread_mutex_unlock(&cluster->lock);
    int r = stopping ? 0 : life_once(&cluster->life);
    if (r < 0)
        member_failed(member, r);
    (void)pthread_mutex_lock(&cluster->lock);
    member->main = NULL;
    member->loop = NULL;
    (void)pthread_mutex_unlock(&cluster->lock);
    return r;
}

/* Before the next life. False: there is none any more. */
static bool member_pause(eddy_cluster *cluster)
{
    double delay = cluster->options.restart_delay != 0 ? cluster->options.restart_delay
                                                       : RESTART_DELAY;
    struct timespec end = thread_wait_end(delay);
    int r = 0;
    (void)pthread_mutex_lock(&cluster->lock);
    while (!cluster->stopping && r != ETIMEDOUT)
        r = pthread_cond_timedwait(&cluster->changed, &cluster->lock, &end);
    bool stopping = cluster->stopping;
    (void)pthread_mutex_unlock(&cluster->lock);
    return !stopping;
}

/* The loop couldn't be made, or not made anew. */
static void member_never_began(struct eddy_cluster_loop_ *member, int code)
{
    eddy_cluster *cluster = member->cluster;
    (void)pthread_mutex_lock(&cluster->lock);
    cluster->entered += !member->entered;
    member->entered = cluster->unmade = true;
    cluster_fail(cluster, code, "", eddy_failure_message(eddy_last_failure()));
    (void)pthread_cond_broadcast(&cluster->changed);
    (void)pthread_mutex_unlock(&cluster->lock);
}

static void *member_thread(void *argument)
{
    struct eddy_cluster_loop_ *member = argument;
    eddy_cluster *cluster = member->cluster;
    cluster_here = member;
    do {
        member->again = member->began = false;
        int r = eddy_run_(&cluster->options.loop, EDDY_ERASE_(member_main), member, sizeof *member,
                          EDDY_IN_PLACE_, cluster->site);
        if (!member->began)
            member_never_began(member, r);
        eddy_failure_clear();
    } while (member->again && member_pause(cluster));
    (void)pthread_mutex_lock(&cluster->lock);
    bool last = --cluster->running == 0;
    (void)pthread_mutex_unlock(&cluster->lock);
    if (last) /* the threads are joined before the cluster goes */
        remote_wait_finish_all(&cluster->waiters, &cluster->lock, 0);
    return NULL;
}

/* ---- beginning ---- */

static size_t count_processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return 1; /* more of them than the set has room for: say how many loops */
    return (size_t)CPU_COUNT(&set);
}

/* What doesn't go together, or NULL. */
static const char *options_wrong(const struct eddy_cluster_options *options)
{
    bool restart = options->policy == EDDY_CLUSTER_RESTART;
    if ((unsigned)options->policy > EDDY_CLUSTER_GO_ON)
        return "an unknown policy";
    if (options->loops > CLUSTER_LOOPS)
        return "more than 1024 loops";
    if (restart && !options->restarts)
        return "EDDY_CLUSTER_RESTART needs .restarts, how many there may be";
    if (!restart &&
        (options->restarts || options->restart_seconds != 0 || options->restart_delay != 0))
        return ".restarts, .restart_seconds and .restart_delay are for EDDY_CLUSTER_RESTART";
    if (options->restarts > GROUP_RESTARTS)
        return ".restarts is more than 65,536";
    if (!(options->restart_seconds >= 0) || !(options->restart_delay >= 0))
        return ".restart_seconds or .restart_delay is negative, or not a number";
    return NULL;
}

static eddy_cluster *cluster_new(const struct eddy_cluster_options *options,
                                 const struct task_start *start)
{
    size_t count = options->loops ? options->loops : count_processors();
    eddy_cluster *cluster = memory_allocate_zeroed(1, sizeof *cluster +
                                                          count * sizeof(cluster->loops[0]));
    if (!cluster)
        return NULL;
    cluster->options = *options;
    cluster->options.loop.quiet = true; /* the cluster says it */
    cluster->count = count;
    cluster->site = start->site;
    cluster->restarts.most = options->restarts;
    if (options->restart_seconds > 0)
        cluster->restarts.window = seconds_to_nanoseconds(options->restart_seconds);
    life_init(&cluster->life, start);
    (void)pthread_mutex_init(&cluster->lock, NULL);
    thread_wait_init(&cluster->changed);
    return cluster;
}

/* The threads have ended, or are about to. */
static void cluster_free(eddy_cluster *cluster)
{
    for (size_t i = 0; i < cluster->threads; i++)
        (void)pthread_join(cluster->loops[i].thread, NULL);
    (void)pthread_cond_destroy(&cluster->changed);
    (void)pthread_mutex_destroy(&cluster->lock);
    memory_free(cluster->restarts.times);
    eddy_failure_release(cluster->failure);
    memory_free(cluster);
}

/* Under the lock, for `i` from 0 on. */
static int thread_start(eddy_cluster *cluster, size_t i)
{
    struct eddy_cluster_loop_ *member = &cluster->loops[i];
    member->cluster = cluster;
    member->index = (int)i;
    member->stop.run = member_stop;
    int r = pthread_create(&member->thread, NULL, member_thread, member);
    if (r == 0) {
        cluster->threads++;
        cluster->running++;
    }
    return -r;
}

/* Starts all, and waits until each has begun, or couldn't: 0, or why not, with the failure set. */
static int cluster_begin(eddy_cluster *cluster)
{
    int r = 0;
    (void)pthread_mutex_lock(&cluster->lock);
    for (size_t i = 0; i < cluster->count && r == 0; i++)
        r = thread_start(cluster, i);
    if (r < 0) {
        cluster_stop(cluster);
        eddy_fail(r, "eddy_cluster_start: no thread for loop %zu of %zu: %s", cluster->threads,
                  cluster->count, strerror(-r));
    }
    while (cluster->entered < cluster->threads)
        (void)pthread_cond_wait(&cluster->changed, &cluster->lock);
    if (r == 0 && cluster->unmade) {
        r = cluster->code;
        cluster_stop(cluster);
        eddy_fail(r, "eddy_cluster_start: a loop can't be made: %s",
                  cluster->failure ? cluster->failure->message : eddy_error_name(r));
    }
    (void)pthread_mutex_unlock(&cluster->lock);
    return r;
}

eddy_cluster *eddy_cluster_start_(const struct eddy_cluster_options *options,
                                  eddy_function_ *function, const void *arguments, size_t size,
                                  enum eddy_arguments_kind_ kind, const struct eddy_site_ *site)
{
    static const struct eddy_cluster_options defaults;
    const char *call = "eddy_cluster_start";
    if (!options)
        options = &defaults;
    const char *wrong = function ? options_wrong(options) : "the function is NULL";
    if (wrong) {
        log_misuse(-EINVAL, call, "%s, at %s:%d", wrong, site->file, site->line);
        return NULL;
    }
    struct task_start start = {
        .function = function, .arguments = arguments, .size = size, .kind = kind, .site = site};
    eddy_cluster *cluster = cluster_new(options, &start);
    if (!cluster) {
        eddy_fail(-ENOMEM, "%s: no memory", call);
        return NULL;
    }
    if (cluster_begin(cluster) < 0) {
        cluster_free(cluster);
        return NULL;
    }
    return cluster;
}

/* ---- public ---- */

size_t eddy_cluster_size(const eddy_cluster *cluster)
{
    return cluster ? cluster->count : 0;
}

int eddy_cluster_index(void)
{
    return cluster_here ? cluster_here->index : -1;
}

int eddy_cluster_stop(eddy_cluster *cluster)
{
    if (!cluster)
        return log_misuse(-EINVAL, "eddy_cluster_stop", "the cluster is NULL");
    (void)pthread_mutex_lock(&cluster->lock);
    cluster_stop(cluster);
    (void)pthread_mutex_unlock(&cluster->lock);
    return 0;
}

/* 0 if it has ended; else gets in line if `remote` isn't NULL: -EAGAIN. */
static int cluster_ended(eddy_cluster *cluster, struct remote_wait *remote)
{
    (void)pthread_mutex_lock(&cluster->lock);
    bool running = cluster->running > 0;
    if (running && remote)
        remote_wait_list(remote, &cluster->waiters, &cluster->lock);
    (void)pthread_mutex_unlock(&cluster->lock);
    return running ? -EAGAIN : 0;
}

static int cluster_join(eddy_cluster *cluster, enum remote_wait_kind kind, bool stop,
                        const char *call)
{
    if (!cluster)
        return log_misuse(-EINVAL, call, "the cluster is NULL");
    if (cluster_here && cluster_here->cluster == cluster)
        return log_misuse(-EDEADLK, call, "called on one of its own loops");
    struct remote_wait remote;
    int r = remote_wait_begin(&remote, kind, "the end of a cluster", call);
    if (r < 0)
        return cluster_ended(cluster, NULL) == 0 && r == -ECANCELED ? 0 : r;
    if (stop)
        (void)eddy_cluster_stop(cluster);
    r = cluster_ended(cluster, &remote);
    if (r == -EAGAIN)
        return remote_wait_park(&remote);
    remote_wait_drop(&remote);
    return r;
}

int eddy_cluster_wait(eddy_cluster *cluster)
{
    int r = cluster_join(cluster, REMOTE_WAIT, false, "eddy_cluster_wait");
    if (r < 0 || cluster->code == 0)
        return r;
    const struct eddy_failure *failure = cluster->failure; /* stays as it is from now on */
    if (failure)
        failure_set(failure_make_text(failure->code, failure->task, failure->message));
    return cluster->code;
}

int eddy_cluster_close(eddy_cluster *cluster)
{
    if (!cluster)
        return 0;
    int r = cluster_join(cluster, REMOTE_WAIT_SHIELDED, true, "eddy_cluster_close");
    if (r == 0)
        cluster_free(cluster);
    return r;
}

struct eddy_cluster_loop_ *eddy_cluster_loop_at_(eddy_cluster *cluster, size_t index)
{
    return cluster && index < cluster->count ? &cluster->loops[index] : NULL;
}

eddy_submission *eddy_cluster_submit_(struct eddy_cluster_loop_ *member, eddy_function_ *function,
                                      const void *arguments, size_t size,
                                      enum eddy_arguments_kind_ kind, const struct eddy_site_ *site)
{
    if (!member) {
        log_misuse(-EINVAL, "eddy_cluster_submit", "the cluster has no such loop, at %s:%d",
                   site->file, site->line);
        return NULL;
    }
    eddy_submission *submission = NULL;
    (void)pthread_mutex_lock(&member->cluster->lock);
    if (member->loop)
        submission = eddy_submit_(member->loop, function, arguments, size, kind, site);
    else
        eddy_fail_(-ESRCH, false, site->file, site->line,
                   "can't submit %s: loop %d doesn't run now", site->function, member->index);
    (void)pthread_mutex_unlock(&member->cluster->lock);
    return submission;
}
