/* SPDX-License-Identifier: MIT */
/*
 * Signals, from whatever thread they interrupt to the loop that owns them.
 *
 *      signal context, any thread        the loop's thread
 *      --------------------------        -------------------------------------------------
 *      arrivals[n].count++               take: count = 0 --> handler's work, streams' counts
 *      loop->interrupts |= ...    --->                                    |
 *      wake                                                  callback, tasks in next()
 *
 * Signals are counted in three places, each of a fixed size: here, in the handler's work (queued or
 * not), in each stream. So what a storm of signals needs is what one needs.
 *
 * The loop may be on its way out while a handler that found it runs on another thread: who takes a
 * signal back waits for those that are inside. A handler on its own thread has ended by then.
 */
#include "signals.h"
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include "interrupt.h"
#include "log.h"
#include "memory.h"

enum { NUMBERS = 65 }; /* 1 to 64; a bit each */

/* ---- the process's ---- */

static struct arrival {
    _Atomic(struct eddy_loop *) loop; /* the owner, or NULL */
    atomic_uint count;                /* since the loop last looked */
    struct sigaction before;          /* to be put back */
} arrivals[NUMBERS];

static pthread_mutex_t owners_lock = PTHREAD_MUTEX_INITIALIZER; /* held to change an owner */
static atomic_uint contexts;
static sigset_t mask_before_fork; /* guarded by the lock */

void signal_context_enter(void)
{
    atomic_fetch_add(&contexts, 1);
}

void signal_context_leave(void)
{
    atomic_fetch_sub(&contexts, 1);
}

void signal_context_wait(void)
{
    while (atomic_load(&contexts))
        (void)sched_yield();
}

static void signal_arrived(int number)
{
    signal_context_enter();
    struct eddy_loop *loop = atomic_load(&arrivals[number].loop);
    if (loop) {
        atomic_fetch_add(&arrivals[number].count, 1);
        atomic_fetch_or(&loop->interrupts, LOOP_SIGNALLED);
        loop->engine->call->wake(loop->engine);
    }
    signal_context_leave();
}

/* Puts back what was there before; not over what somebody else has put there since. */
static void arrival_restore(int number)
{
    struct sigaction now, before = arrivals[number].before;
    atomic_store(&arrivals[number].loop, NULL);
    if (interrupt_is_over(&before))
        before.sa_handler = SIG_DFL;
    if (sigaction(number, NULL, &now) == 0 && now.sa_handler == signal_arrived)
        (void)sigaction(number, &before, NULL);
}

/* Why the number can't be handled, or NULL. */
static const char *why_not(int number)
{
    if (number < 1 || number >= NUMBERS)
        return "isn't a signal";
    switch (number) {
    case SIGKILL:
    case SIGSTOP:
        return "can't be caught";
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
        return "tells of a fault of the program: it can't wait for the loop";
    default:
        return NULL;
    }
}

static int arrival_take(struct eddy_loop *loop, int number, const char *call)
{
    struct arrival *arrival = &arrivals[number];
    struct sigaction action = {.sa_handler = signal_arrived, .sa_flags = SA_ONSTACK | SA_RESTART};
    (void)sigfillset(&action.sa_mask);
    int r = 0;
    (void)pthread_mutex_lock(&owners_lock);
    struct eddy_loop *owner = atomic_load(&arrival->loop);
    if (owner && owner != loop) {
        r = eddy_fail(-EBUSY, "%s: signal %d (%s) belongs to another loop", call, number,
                      strsignal(number));
    } else if (!owner) {
        atomic_store(&arrival->count, 0);
        atomic_store(&arrival->loop, loop);
        if (sigaction(number, &action, &arrival->before) < 0) {
            r = eddy_fail(-errno, "%s: signal %d can't be caught: %s", call, number,
                          strerror(errno));
            atomic_store(&arrival->loop, NULL);
        }
    }
    (void)pthread_mutex_unlock(&owners_lock);
    return r;
}

static void arrival_give_back(int number)
{
    (void)pthread_mutex_lock(&owners_lock);
    arrival_restore(number);
    (void)pthread_mutex_unlock(&owners_lock);
    signal_context_wait();
}

/* No signal may reach the child as long as it would be taken for the parent's. */
void signals_fork_begin(void)
{
    sigset_t all;
    (void)sigfillset(&all);
    (void)pthread_mutex_lock(&owners_lock);
    (void)pthread_sigmask(SIG_SETMASK, &all, &mask_before_fork);
}

void signals_fork_parent(void)
{
    sigset_t mask = mask_before_fork;
    (void)pthread_mutex_unlock(&owners_lock);
    (void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

void signals_fork_child(void)
{
    atomic_store(&contexts, 0); /* of threads that aren't here */
    for (int number = 1; number < NUMBERS; number++)
        if (atomic_load(&arrivals[number].loop))
            arrival_restore(number);
    signals_fork_parent();
}

/* ---- the loop's ---- */

struct handler {
    struct work work;
    eddy_callback *callback; /* NULL: none */
    void *argument;
    bool queued;
};

struct signals {
    uint64_t handled; /* a bit a handler */
    struct handler handlers[NUMBERS];
    struct list streams;
};

struct eddy_signals {
    struct link link;
    struct eddy_loop *loop;
    uint64_t wanted, arrived; /* a bit a signal */
    struct waiters waiters;   /* of struct signal_waiter; none while something has arrived */
    int last;                 /* told; the numbers above it are first */
    unsigned counts[NUMBERS];
};

static uint64_t bit_of(int number)
{
    return UINT64_C(1) << (number - 1);
}

static uint64_t wanted_by(const struct signals *signals)
{
    uint64_t wanted = signals->handled;
    for (const struct link *link = signals->streams.first; link; link = link->next)
        wanted |= ((const eddy_signals *)(const void *)link)->wanted;
    return wanted;
}

_Static_assert(offsetof(struct eddy_signals, link) == 0, "wanted_by takes one for the other");

/* The lowest signal of the set, or 0. */
static int first_of(uint64_t set)
{
    return __builtin_ffsll((long long)set);
}

/* Gives back what nobody wants any more of these. */
static void signals_drop(const struct signals *signals, uint64_t numbers)
{
    numbers &= ~wanted_by(signals);
    for (int number; (number = first_of(numbers)); numbers &= numbers - 1)
        arrival_give_back(number);
}

static struct signals *signals_here(const char *call)
{
    struct eddy_loop *loop = loop_self;
    if (!loop->signals && !(loop->signals = memory_allocate_zeroed(1, sizeof *loop->signals)))
        eddy_fail(-ENOMEM, "%s: no memory", call);
    return loop->signals;
}

bool signals_expected(const struct eddy_loop *loop)
{
    return loop->signals && wanted_by(loop->signals);
}

void signals_remove(struct eddy_loop *loop)
{
    struct signals *signals = loop->signals;
    if (!signals)
        return;
    uint64_t wanted = wanted_by(signals);
    struct link *link;
    while ((link = list_take_first(&signals->streams)))
        memory_free(container_of(link, eddy_signals, link));
    signals->handled = 0;
    signals_drop(signals, wanted);
}

void signals_destroy(struct eddy_loop *loop)
{
    signals_remove(loop);
    memory_free(loop->signals);
    loop->signals = NULL;
}

/* ---- handlers ---- */

static void handler_due(struct work *work)
{
    struct handler *handler = container_of(work, struct handler, work);
    handler->queued = false;
    if (loop_self && handler->callback)
        handler->callback(handler->argument);
}

/* 0, or a reason why this thread's loop can't have it. */
static int signal_check(int number, const char *call)
{
    const char *why = why_not(number);
    if (!loop_self)
        return log_misuse(-EINVAL, call, "called outside a loop");
    return why ? log_misuse(-EINVAL, call, "%d %s", number, why) : 0;
}

int eddy_add_signal_handler(int number, eddy_callback *callback, void *argument)
{
    const char *call = "eddy_add_signal_handler";
    if (!callback)
        return log_misuse(-EINVAL, call, "the callback is NULL");
    int r = signal_check(number, call);
    if (r < 0)
        return r;
    struct signals *signals = signals_here(call);
    if (!signals)
        return -ENOMEM;
    r = arrival_take(loop_self, number, call);
    if (r < 0)
        return r;
    signals->handled |= bit_of(number);
    signals->handlers[number].callback = callback;
    signals->handlers[number].argument = argument;
    return 0;
}

bool eddy_remove_signal_handler(int number)
{
    struct signals *signals = loop_self ? loop_self->signals : NULL;
    if (!signals || why_not(number) || !(signals->handled & bit_of(number)))
        return false;
    signals->handled &= ~bit_of(number);
    signals->handlers[number].callback = NULL;
    signals_drop(signals, bit_of(number));
    return true;
}

/* ---- streams ---- */

/* The next signal that has arrived, taken out, or 0. */
static int stream_take(eddy_signals *stream, size_t *ret_count)
{
    if (!stream->arrived)
        return 0;
    uint64_t above = stream->last < 64 ? ~UINT64_C(0) << stream->last : 0;
    int number = first_of(stream->arrived & above ? stream->arrived & above : stream->arrived);
    *ret_count = stream->counts[number];
    stream->counts[number] = 0;
    stream->arrived &= ~bit_of(number);
    return stream->last = number;
}

static void stream_add(eddy_signals *stream, int number, unsigned count)
{
    if (!(stream->wanted & bit_of(number)))
        return;
    stream->arrived |= bit_of(number);
    if (__builtin_add_overflow(stream->counts[number], count, &stream->counts[number]))
        stream->counts[number] = UINT32_MAX;
}

static void stream_tell(eddy_signals *stream)
{
    struct waiter *first;
    while (stream->arrived && (first = waiters_take(&stream->waiters))) {
        struct signal_waiter *waiter = container_of(first, struct signal_waiter, waiter);
        int number = stream_take(stream, &waiter->count);
        wait_finish(&first->wait, number);
    }
}

void signals_take(struct eddy_loop *loop)
{
    struct signals *signals = loop->signals;
    if (!signals)
        return;
    uint64_t wanted = wanted_by(signals);
    for (int number; (number = first_of(wanted)); wanted &= wanted - 1) {
        unsigned count = atomic_exchange(&arrivals[number].count, 0);
        struct handler *handler = &signals->handlers[number];
        if (!count)
            continue;
        if (handler->callback && !handler->queued) {
            handler->queued = true;
            handler->work.run = handler_due;
            loop_ready(loop, &handler->work);
        }
        for (struct link *link = signals->streams.first; link; link = link->next)
            stream_add(container_of(link, eddy_signals, link), number, count);
    }
    for (struct link *link = signals->streams.first; link; link = link->next)
        stream_tell(container_of(link, eddy_signals, link));
}

int eddy_signals_open_all(eddy_signals **ret_signals, const int *numbers, size_t count)
{
    const char *call = "eddy_signals_open";
    if (!ret_signals || !numbers || !count)
        return log_misuse(-EINVAL, call, ret_signals ? "no signals" : "the stream is NULL");
    uint64_t wanted = 0;
    for (size_t i = 0; i < count; i++) {
        int r = signal_check(numbers[i], call);
        if (r < 0)
            return r;
        wanted |= bit_of(numbers[i]);
    }
    struct signals *signals = signals_here(call);
    if (!signals)
        return -ENOMEM;
    eddy_signals *stream = memory_allocate_zeroed(1, sizeof *stream);
    if (!stream)
        return eddy_fail(-ENOMEM, "%s: no memory", call);
    stream->loop = loop_self;
    for (uint64_t left = wanted; left; left &= left - 1) {
        int r = arrival_take(loop_self, first_of(left), call);
        if (r < 0) {
            signals_drop(signals, wanted & ~left);
            memory_free(stream);
            return r;
        }
    }
    stream->wanted = wanted;
    list_append(&signals->streams, &stream->link);
    *ret_signals = stream;
    return 0;
}

int signals_try(eddy_signals *stream, size_t *ret_count, const char *call)
{
    if (!stream || stream->loop != loop_self)
        return log_misuse(-EINVAL, call,
                          stream ? "the stream belongs to another loop" : "the stream is NULL");
    int number = stream_take(stream, ret_count);
    return number ? number : -EAGAIN;
}

struct waiters *signals_waiters(eddy_signals *stream)
{
    return &stream->waiters;
}

int eddy_signals_next(eddy_signals *stream, size_t *ret_count)
{
    const char *call = "eddy_signals_next";
    if (!task_current())
        return task_missing(call);
    struct signal_waiter waiter = {.count = 0};
    int number = signals_try(stream, &waiter.count, call);
    if (number == -EAGAIN)
        number = waiters_wait(&stream->waiters, &waiter.waiter, "a signal", call);
    if (number > 0 && ret_count)
        *ret_count = waiter.count;
    return number;
}

void eddy_signals_close(eddy_signals *stream)
{
    if (!stream || !loop_self) /* the loop took it along */
        return;
    if (stream->loop != loop_self) {
        log_misuse(-EINVAL, "eddy_signals_close", "the stream belongs to another loop");
        return;
    }
    waiters_wake_all(&stream->waiters, -EPIPE);
    list_remove(&loop_self->signals->streams, &stream->link);
    signals_drop(loop_self->signals, stream->wanted);
    memory_free(stream);
}
