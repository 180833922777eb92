/* SPDX-License-Identifier: MIT */
/* A run is a function of its seed, its options and its program: equal hashes, and unequal ones. */
#include "support/sim_test.h"

/* A bit of everything: what one piece of the program does depends on what the others have done. */
struct world {
    eddy_lock lock;
    eddy_event event;
    eddy_semaphore permits;
    eddy_queue queue;
    eddy_pool *threads, *processes;
    unsigned sum;
    bool twice; /* another program */
};
static struct world world;

struct work_on {
    double seconds;
    int value;
};
static int work_on(struct work_on *a)
{
    (void)eddy_blocking_sleep(a->seconds);
    a->value *= 2;
    return 0;
}

struct part {
    int (*run)(struct part *);
    int number;
};
static int part(struct part *a)
{
    return a->run(a);
}

static int part_with_locks(struct part *a)
{
    int err;
    for (int i = 0; i < 3; i++) {
        eddy_with_lock (&world.lock, &err) {
            world.sum = world.sum * 3 + (unsigned)a->number;
            err = eddy_sleep(0.25 * a->number);
        }
        if (err < 0)
            return err;
    }
    eddy_event_set(&world.event);
    return 0;
}

static int part_with_queue(struct part *a)
{
    int r = eddy_event_wait(&world.event), value = (int)(world.sum % 1000) + a->number;
    if (r == 0)
        r = eddy_queue_put(&world.queue, &value);
    if (r == 0)
        r = eddy_queue_get(&world.queue, &value);
    world.sum += (unsigned)value;
    return r;
}

static int part_with_pools(struct part *a)
{
    struct work_on job = {.seconds = 0.1 * a->number, .value = a->number};
    int r = eddy_semaphore_acquire(&world.permits);
    if (r < 0)
        return r;
    r = eddy_run_in(a->number % 2 ? world.threads : world.processes, work_on, &job);
    (void)eddy_semaphore_release(&world.permits);
    world.sum = world.sum * 5 + (unsigned)job.value;
    return r == -ECHILD ? 0 : r;
}

static int part_with_timeout(struct part *a)
{
    int err;
    struct work_on job = {.seconds = 1, .value = 1};
    eddy_with_timeout (0.3 * a->number, &err)
        err = eddy_to_thread_abandon(work_on, &job);
    world.sum = world.sum * 7 + (err == -ETIMEDOUT) + (unsigned)job.value;
    return err == -ETIMEDOUT ? 0 : err;
}

static int echo(eddy_stream *stream, void *context)
{
    char data[64];
    (void)context;
    ssize_t n;
    while ((n = eddy_stream_read(stream, data, sizeof data)) > 0)
        if ((n = eddy_stream_write(stream, data, (size_t)n)) < 0)
            break;
    return 0;
}

static int part_with_network(struct part *a)
{
    eddy_stream *stream;
    char data[100] = "";
    int r = eddy_connect("echo.example", 7, &stream);
    if (r < 0)
        return r == -ECONNREFUSED || r == -ECONNRESET ? 0 : r;
    ssize_t n = eddy_stream_write(stream, data, sizeof data);
    if (n > 0)
        n = eddy_stream_read_exactly(stream, data, sizeof data);
    world.sum = world.sum * 11 + (unsigned)n + (unsigned)a->number;
    eddy_stream_close(stream);
    return 0;
}

static int everything(void)
{
    static int (*const parts[])(struct part *) = {part_with_locks, part_with_queue, part_with_pools,
                                                  part_with_timeout, part_with_network};
    enum { PARTS = sizeof parts / sizeof *parts, TASKS = 3 * PARTS };
    eddy_task *tasks[TASKS];
    int results[TASKS];
    eddy_server *server;
    bool twice = world.twice;
    world = (struct world){.lock = EDDY_LOCK_INIT,
                           .event = EDDY_EVENT_INIT,
                           .permits = EDDY_SEMAPHORE_INIT(2),
                           .twice = twice};
    CHECK_INT(eddy_queue_open(&world.queue, sizeof(int), 2), 0);
    CHECK_INT(eddy_thread_pool_open(&world.threads, NULL), 0);
    CHECK_INT(eddy_process_pool_open(&world.processes,
                                     &(struct eddy_process_pool_options){.processes = 2}),
              0);
    CHECK_INT(eddy_sim_set_name("echo.example", "10.0.0.7"), 0);
    CHECK_INT(eddy_sim_set_resolver(0.1, 0), 0);
    CHECK_INT(eddy_serve("echo.example", 7, echo, NULL, NULL, &server), 0);
    for (int i = 0; i < TASKS; i++)
        tasks[i] = eddy_create_task(part, .run = parts[i % PARTS], .number = i);
    CHECK_INT(eddy_gather(tasks, TASKS, results, EDDY_RETURN_EXCEPTIONS), 0);
    for (int i = 0; i < TASKS; i++) {
        EXPECT_INT(results[i], 0);
        CHECK_INT(eddy_task_release(tasks[i]), 0);
    }
    if (twice)
        CHECK_INT(eddy_sleep(0), 0);
    eddy_server_close(server);
    eddy_pool_close(world.threads);
    eddy_pool_close(world.processes);
    eddy_queue_close(&world.queue);
    return 0;
}

enum { SEEDS = 200 };

static struct eddy_sim_outcome run_once(uint64_t seed, enum eddy_sim_order order)
{
    const struct eddy_sim_options options = {
        .order = order,
        .link =
            {.delay_min = 0.01, .delay_max = 0.2, .short_io = 0.2, .reset = 0.02, .refuse = 0.1},
        .job_delay_max = 0.5,
        .worker_death = 0.1,
    };
    EXPECT_INT(simulate(seed, options, everything), 0);
    return eddy_sim_report();
}

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

PLAIN_TEST(twice_the_same_gives_the_same_hash)
{
    for (int order = EDDY_SIM_FIFO; order <= EDDY_SIM_PRIORITIES; order++) {
        uint64_t hashes[SEEDS];
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct eddy_sim_outcome one = run_once(seed, (enum eddy_sim_order)order);
            unsigned sum = world.sum;
            free(malloc(1000 * (seed % 7))); /* other addresses */
            struct eddy_sim_outcome other = run_once(seed, (enum eddy_sim_order)order);
            EXPECT_INT(one.hash, other.hash);
            EXPECT_INT(one.steps, other.steps);
            EXPECT_INT(one.choices, other.choices);
            EXPECT(one.seconds == other.seconds);
            EXPECT_INT(world.sum, sum);
            hashes[seed] = one.hash;
        }
        qsort(hashes, SEEDS, sizeof *hashes, by_value);
        for (int i = 1; i < SEEDS; i++)
            EXPECT(hashes[i - 1] != hashes[i]);
    }
}

PLAIN_TEST(another_program_gives_another_hash)
{
    struct eddy_sim_outcome one = run_once(1, EDDY_SIM_FIFO);
    world.twice = true;
    struct eddy_sim_outcome other = run_once(1, EDDY_SIM_FIFO);
    world.twice = false;
    EXPECT(one.hash != other.hash);
    EXPECT_INT(other.steps, one.steps + 1);
    EXPECT(run_once(1, EDDY_SIM_FIFO).hash == one.hash);
    EXPECT(run_once(1, EDDY_SIM_SHUFFLED).hash != one.hash);
}
