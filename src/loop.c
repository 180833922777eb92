/* SPDX-License-Identifier: MIT */
/*
 * The event loop: turns of "run what is ready, poll the engine, fire the timers".
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <math.h>
#include "call.h"
#include "cancellation.h"
#include "debug.h"
#include "log.h"
#include "loop.h"
#include "memory.h"
#include "pool.h"
#include "process.h"
#include "server.h"
#include "signals.h"
#include "task.h"
#include "watch.h"

_Thread_local struct eddy_loop *loop_self;
_Thread_local struct harness *harness_self;

/* While only descriptors could end the wait, a virtual clock gives the system this long. */
#define VIRTUAL_GRACE_NS 1000000

/* About what going to sleep and being woken takes. */
#define LINGER_NS 5000

/* ---- the clock ---- */

int64_t clock_monotonic(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NANOSECONDS + now.tv_nsec;
}

int64_t loop_now(const struct eddy_loop *loop)
{
    return loop->virtual_clock ? loop->virtual_now : clock_monotonic();
}

int64_t seconds_to_nanoseconds(double seconds)
{
    const double century = 100 * 365.25 * 86400;
    if (seconds > century)
        seconds = century;
    if (seconds < -century)
        seconds = -century;
    return (int64_t)ceil(seconds * NANOSECONDS);
}

int64_t loop_deadline(const struct eddy_loop *loop, double seconds)
{
    return loop_now(loop) + seconds_to_nanoseconds(seconds);
}

/* ---- posts from other threads ---- */

void loop_post(struct eddy_loop *loop, struct post *post)
{
    /* What is posted may be the end of the loop, before this returns. */
    atomic_fetch_add_explicit(&loop->posting, 1, memory_order_relaxed);
    struct post *newest = atomic_load_explicit(&loop->posts, memory_order_relaxed);
    do
        post->next = newest;
    while (!atomic_compare_exchange_weak_explicit(&loop->posts, &newest, post, memory_order_seq_cst,
                                                  memory_order_relaxed));
    /* Both seq_cst, they pair with the fence in loop_fall_asleep: either we see it sleeping, or it
     * sees the post. */
    if (atomic_load_explicit(&loop->sleeping, memory_order_seq_cst))
        loop->engine->call->wake(loop->engine);
    atomic_fetch_sub_explicit(&loop->posting, 1, memory_order_release);
}

static bool loop_has_posts(struct eddy_loop *loop)
{
    return atomic_load_explicit(&loop->posts, memory_order_relaxed) ||
           atomic_load_explicit(&loop->interrupts, memory_order_relaxed);
}

static void loop_interrupt(struct eddy_loop *loop)
{
    struct cancellation *why = cancellation_new(loop, CANCELLED_INTERRUPT, NULL, NULL);
    struct cancellation *outer = cancellation_begin(loop, why);
    scope_cancel(&loop->main->root);
    (void)cancellation_begin(loop, outer);
    cancellation_release(why);
}

static void loop_take_interrupts(struct eddy_loop *loop)
{
    int interrupts = atomic_exchange(&loop->interrupts, 0);
    if (interrupts & LOOP_INTERRUPTED && loop->main)
        loop_interrupt(loop);
    if (interrupts & LOOP_SIGNALLED)
        signals_take(loop);
}

static void loop_take_posts(struct eddy_loop *loop)
{
    if (atomic_load_explicit(&loop->interrupts, memory_order_relaxed))
        loop_take_interrupts(loop);
    struct post *newest = atomic_exchange_explicit(&loop->posts, NULL, memory_order_acquire);
    struct post *oldest = NULL;
    while (newest) {
        struct post *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        struct post *next = oldest->next; /* run() may free or reuse it */
        oldest->run(oldest);
        oldest = next;
    }
}

/* ---- turns ---- */

/* Nanoseconds the engine may wait: 0 with work at hand, negative without any limit. */
static int64_t loop_timeout(struct eddy_loop *loop)
{
    if (loop->ready_first || loop_has_posts(loop))
        return 0;
    int64_t next = timer_next(&loop->timers);
    if (loop->virtual_clock) {
        if (atomic_load(&loop->offloaded) || loop->engine->pending)
            return -1;
        if (next == TIMER_NEVER)
            return -1;
        return loop->watched && !loop->engine->call->simulated ? VIRTUAL_GRACE_NS : 0;
    }
    if (next == TIMER_NEVER)
        return -1;
    int64_t left = next - clock_monotonic();
    return left > 0 ? left : 0;
}

/* How long it may wait for that. A virtual clock waits for other things. */
static int64_t loop_trim_stacks(struct eddy_loop *loop, int64_t timeout)
{
    int64_t again = stack_pool_trim(&loop->stacks, loop_now(loop));
    if (again < 0 || loop->virtual_clock)
        return timeout;
    return timeout < 0 || again < timeout ? again : timeout;
}

/* From here on posts wake the engine. Nanoseconds it may wait, as above. */
static int64_t loop_fall_asleep(struct eddy_loop *loop)
{
    if (loop->ready_first) /* it doesn't: a post need make no system call */
        return 0;
    atomic_store_explicit(&loop->sleeping, true, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    int64_t timeout = loop_timeout(loop);
    return timeout && loop->stacks.warm_count > STACK_KEEP_WARM ? loop_trim_stacks(loop, timeout)
                                                                : timeout;
}

/* A virtual clock jumps to the next timer when nothing else can happen. What descriptors may still
 * bring has until grace_end: turns that deliver nothing may end early, by signals or by what only
 * concerns the engine. */
static void loop_jump(struct eddy_loop *loop, int64_t timeout, int delivered)
{
    bool quiet = timeout >= 0 && !delivered && !loop->ready_first &&
                 !atomic_load(&loop->offloaded) && !loop->engine->pending;
    if (quiet && timeout > 0 && clock_monotonic() < loop->grace_end)
        return;
    loop->grace_end = 0;
    int64_t next = quiet ? timer_next(&loop->timers) : TIMER_NEVER;
    if (next != TIMER_NEVER && next > loop->virtual_now)
        loop->virtual_now = next;
}

static void loop_turn(struct eddy_loop *loop, int64_t timeout)
{
    if (loop->virtual_clock && timeout > 0 && !loop->grace_end)
        loop->grace_end = clock_monotonic() + timeout;
    int delivered = loop->engine->call->turn(loop->engine, timeout);
    atomic_store_explicit(&loop->sleeping, false, memory_order_relaxed);
    if (__builtin_expect(atomic_load_explicit(&watchdog_rests, memory_order_relaxed), 0))
        watchdog_rouse();
    if (delivered < 0)
        log_abort("the %s engine can't go on: %s", loop->engine->call->name,
                  eddy_error_name(delivered));
    loop_take_posts(loop);
    if (loop->virtual_clock)
        loop_jump(loop, timeout, delivered);
    timer_turn(&loop->timers, loop_now(loop));
    loop->budget = loop->virtual_clock ? 0 : LOOP_BUDGET;
    loop->snapshot_last = loop->ready_last;
    if (loop->harness && loop->harness->turned)
        loop->harness->turned(loop->harness, loop);
}

/* A short job in a thread is done before a loop that went to sleep has been woken. True if
 * something was posted. */
static bool loop_linger(struct eddy_loop *loop)
{
    if (!spin_wanted(&loop->spin))
        return false;
    bool posted = false;
    int64_t end = clock_monotonic() + LINGER_NS;
    do {
        for (int i = 0; i < 32 && !(posted = loop_has_posts(loop)); i++)
            spin_pause();
    } while (!posted && clock_monotonic() < end);
    spin_ended(&loop->spin, !posted);
    return posted;
}

static void loop_poll(struct eddy_loop *loop)
{
    if (loop->lingers && !loop->ready_first &&
        atomic_load_explicit(&loop->offloaded, memory_order_relaxed) && loop_linger(loop) &&
        loop->budget) {
        loop_take_posts(loop);
        return;
    }
    if (__builtin_expect(atomic_load_explicit(&loop->watchdog.told, memory_order_relaxed), 0))
        watchdog_tell(loop);
    int64_t timeout = loop_fall_asleep(loop);
    if (timeout < 0 && !loop->watched && !loop->engine->pending && !atomic_load(&loop->offloaded)) {
        deadlock_check(loop);
        timeout = loop->ready_first ? 0 : -1; /* the log's handler may have helped */
    }
    loop_turn(loop, timeout);
}

static void loop_run_snapshots(struct eddy_loop *loop)
{
    struct work *work;
    while ((work = loop_peek(loop))) {
        loop_take(loop, work);
        if (!work->run) {
            task_resume(container_of(work, struct task, work));
            continue;
        }
        loop_step(loop);
        work->run(work);
    }
}

void loop_run_until(struct eddy_loop *loop, const bool *done)
{
    watchdog_enter(loop);
    while (!*done) {
        loop_run_snapshots(loop);
        if (!*done)
            loop_poll(loop);
    }
    watchdog_leave(loop);
}

/* It hands on only then what was asked of it. */
static bool engine_is_owed_a_turn(const struct eddy_loop *loop)
{
    return loop->engine->call->descriptor(loop->engine) == -EAGAIN;
}

int64_t loop_rest(struct eddy_loop *loop)
{
    int64_t timeout = loop_fall_asleep(loop);
    return engine_is_owed_a_turn(loop) ? 0 : timeout;
}

void loop_turn_at_once(struct eddy_loop *loop)
{
    if (__builtin_expect(atomic_load_explicit(&loop->watchdog.told, memory_order_relaxed), 0))
        watchdog_tell(loop);
    loop_turn(loop, 0);
    loop_run_snapshots(loop);
    if (!loop->virtual_clock && engine_is_owed_a_turn(loop))
        loop_turn(loop, 0);
}

void loop_run_ready(struct eddy_loop *loop)
{
    loop->snapshot_last = loop->ready_last;
    loop->budget = 0;
    loop_run_snapshots(loop);
}

/* ---- life ---- */

static bool environment_says(const char *name, const char *value)
{
    const char *set = getenv(name);
    return set && strcmp(set, value) == 0;
}

/* Handles have 24 bits for the slot, and there are two slots a task. */
#define MAX_TASKS_LIMIT ((1 << 23) - 1)

static int options_check(const struct eddy_options *options)
{
    size_t size = options->stack_size;
    if (size && (size < STACK_SIZE_MIN || size > STACK_SIZE_MAX))
        return eddy_fail(-EINVAL, "a stack size of %zu bytes isn't within 28 KiB and 1 GiB", size);
    if (options->max_tasks > MAX_TASKS_LIMIT)
        return eddy_fail(-EINVAL, "max_tasks is %zu, the limit is %d", options->max_tasks,
                         MAX_TASKS_LIMIT);
    if (isnan(options->slow_step))
        return eddy_fail(-EINVAL, "slow_step isn't a number of seconds");
    return 0;
}

/* Stacks and slots; nothing is left on failure. */
static int loop_make_memory(struct eddy_loop *loop, size_t stack_size)
{
    const size_t sanitizer_factor = EDDY_ASAN || EDDY_TSAN ? 4 : 1;
    size_t size = (stack_size ? stack_size : 256 << 10) * sanitizer_factor;
    int r = stack_pool_init(&loop->stacks, size < STACK_SIZE_MAX ? size : STACK_SIZE_MAX, 0);
    if (r < 0)
        return eddy_fail(r, "stacks of %zu bytes can't be had", size);
    r = slots_create(loop);
    if (r < 0)
        stack_pool_destroy(&loop->stacks);
    return r;
}

static int loop_make_engine(struct eddy_loop *loop, const char *name)
{
    struct harness *harness = loop->harness;
    if (harness && harness->engine_create)
        return harness->engine_create(harness, loop, name, &loop->engine);
    char why[128] = "";
    int r = engine_create(name, &loop->engine, why, sizeof why);
    if (r < 0)
        return eddy_fail(r, "no engine: %s", why[0] ? why : eddy_error_name(r));
    if (why[0])
        log_say(loop, EDDY_LOG_INFO, EDDY_LOG_NOTE, "engine %s: %s", loop->engine->call->name, why);
    return 0;
}

int loop_create(const struct eddy_options *options, struct eddy_loop **ret_loop)
{
    static atomic_uint next_sequence;
    int r = options_check(options);
    if (r < 0)
        return r;
    struct eddy_loop *loop = memory_allocate_zeroed(1, sizeof *loop);
    if (!loop)
        return eddy_fail(-ENOMEM, "no memory for a loop");
    unsigned sequence = atomic_fetch_add(&next_sequence, 1);
    loop->id = (uint8_t)sequence;
    loop->first_generation = sequence * UINT32_C(0x9e3779b1);
    loop->log = options->log;
    loop->log_context = options->log_context;
    loop->debug = options->debug || environment_says("EDDY_DEBUG", "1");
    loop->virtual_clock = options->virtual_clock || environment_says("EDDY_CLOCK", "virtual");
    loop->lingers = !loop->virtual_clock && pool_cpus() > 1;
    watchdog_init(&loop->watchdog, options->slow_step, loop->virtual_clock);
    loop->max_tasks = options->max_tasks ? options->max_tasks : 1 << 20;
    r = loop_make_memory(loop, options->stack_size);
    if (r < 0) {
        memory_free(loop);
        return r;
    }
    loop->harness = harness_self;
    timer_wheel_init(&loop->timers, loop_now(loop));
    r = loop_make_engine(loop, options->engine ? options->engine : getenv("EDDY_ENGINE"));
    if (r < 0) {
        slots_destroy(loop);
        stack_pool_destroy(&loop->stacks);
        memory_free(loop);
        return r;
    }
    loop->fiber = sanitizer_current_fiber();
    *ret_loop = loop;
    return 0;
}

static void loop_drop_ready(struct eddy_loop *loop)
{
    while (loop->ready_first) {
        struct work *work = loop->ready_first;
        loop->ready_first = work->next;
        work->run(work);
    }
}

void loop_destroy(struct eddy_loop *loop)
{
    while (atomic_load_explicit(&loop->posting, memory_order_acquire))
        (void)sched_yield();
    loop_take_posts(loop);
    struct harness *harness = loop->harness;
    if (harness && harness->closing)
        harness->closing(harness, loop);
    servers_destroy(loop);
    processes_destroy(loop);
    loop_drop_ready(loop);
    calls_destroy(loop);
    watches_destroy(loop);
    signals_destroy(loop);
    loop->engine->call->destroy(loop->engine);
    slots_destroy(loop);
    stack_pool_destroy(&loop->stacks);
    cancellations_destroy(loop);
    watchdog_end(loop);
    memory_free(loop->spare);
    memory_free(loop);
    if (harness && harness->closed)
        harness->closed(harness);
}

/* ---- public ---- */

eddy_loop *eddy_current_loop(void)
{
    return loop_self;
}

const char *eddy_engine_name(void)
{
    return loop_self ? loop_self->engine->call->name : "";
}

double eddy_time(void)
{
    return (double)(loop_self ? loop_now(loop_self) : clock_monotonic()) / NANOSECONDS;
}

const char *eddy_version(void)
{
    return EDDY_VERSION;
}
