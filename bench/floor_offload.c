/* SPDX-License-Identifier: MIT
 *
 * The floors of jobs for threads and for processes: a pool of nothing but two futex words, and a
 * forked process that answers over a pair of sockets.
 *
 *     posted   jobs handed over: a thread that finds none left sleeps on it
 *     done     jobs ended: who waits for the last one sleeps on it
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "floors.h"
#include "offload.h"
#include "stopwatch.h"

struct pool {
    atomic_uint posted, taken, done;
    unsigned wanted; /* of done, for the one who sleeps */
    atomic_bool ends;
};

static void futex_wait(atomic_uint *word, unsigned value)
{
    (void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(atomic_uint *word, int count)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static void *work(void *argument)
{
    struct pool *pool = argument;
    for (;;) {
        unsigned taken = atomic_load(&pool->taken); /* first, so that it isn't ahead of the other */
        unsigned posted = atomic_load(&pool->posted);
        if (atomic_load(&pool->ends))
            return NULL;
        if (taken == posted) {
            futex_wait(&pool->posted, posted);
            continue;
        }
        if (!atomic_compare_exchange_weak(&pool->taken, &taken, taken + 1))
            continue;
        if (atomic_fetch_add(&pool->done, 1) + 1 == pool->wanted)
            futex_wake(&pool->done, 1);
    }
}

static void run_jobs(struct pool *pool, unsigned count)
{
    unsigned wanted = atomic_load(&pool->done) + count;
    pool->wanted = wanted;
    atomic_fetch_add(&pool->posted, count);
    futex_wake(&pool->posted, (int)count);
    for (unsigned done; (done = atomic_load(&pool->done)) != wanted;)
        futex_wait(&pool->done, done);
}

static int run_threads(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    const unsigned at_once = (unsigned)self->parameter;
    const size_t count = at_once == 1 ? 1 : OFFLOAD_THREADS;
    const uint64_t rounds = (operations + at_once - 1) / at_once;
    pthread_t threads[OFFLOAD_THREADS];
    struct pool pool = {.wanted = 0};
    struct stopwatch watch;
    size_t started = 0;
    int error = 0;

    while (started < count && error == 0)
        if ((error = -pthread_create(&threads[started], NULL, work, &pool)) == 0)
            started++;
    if (error == 0) {
        run_jobs(&pool, at_once); /* so that all is warm */
        stopwatch_start(&watch);
        for (uint64_t i = 0; i < rounds; i++)
            run_jobs(&pool, at_once);
        stopwatch_stop(&watch, rounds * at_once, ret_sample);
    }
    atomic_store(&pool.ends, true);
    atomic_fetch_add(&pool.posted, 1);
    futex_wake(&pool.posted, OFFLOAD_THREADS);
    while (started > 0)
        (void)pthread_join(threads[--started], NULL);
    return error;
}

/* ---- a process ---- */

static void answer(int socket)
{
    struct offload_job job;
    while (recv(socket, &job, sizeof job, 0) == sizeof job)
        if (offload_work(&job) < 0 || send(socket, &job, sizeof job, MSG_NOSIGNAL) != sizeof job)
            break;
    _exit(0);
}

static int ask(int socket, struct offload_job *job)
{
    if (send(socket, job, sizeof *job, MSG_NOSIGNAL) != sizeof *job ||
        recv(socket, job, sizeof *job, 0) != sizeof *job)
        return errno ? -errno : -EPIPE;
    return 0;
}

static int run_process(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    struct offload_job job = {.number = 0};
    struct offload_watch watch;
    int pair[2];
    (void)self;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    pid_t child = fork();
    if (child == 0) {
        close(pair[0]);
        answer(pair[1]);
    }
    close(pair[1]);
    int error = child < 0 ? -errno : ask(pair[0], &job);
    if (error == 0)
        error = offload_watch_start(&watch, child);
    if (error == 0) {
        for (uint64_t i = 0; i < operations && error == 0; i++)
            error = ask(pair[0], &job);
        offload_watch_stop(&watch, operations, ret_sample);
    }
    close(pair[0]);
    if (child > 0)
        (void)waitpid(child, NULL, 0);
    return error == 0 && job.number != operations + 1 ? -EBADMSG : error;
}

const struct contender floor_offload_contenders[] = {
    {.group = "thread",
     .name = "raw futex pool",
     .is_floor = true,
     .run = run_threads,
     .parameter = 1},
    {.group = "thread-1000",
     .name = "raw futex pool",
     .is_floor = true,
     .run = run_threads,
     .parameter = OFFLOAD_AT_ONCE},
    {.group = "worker", .name = "raw socketpair", .is_floor = true, .run = run_process},
    {.name = NULL},
};
