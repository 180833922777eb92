/* SPDX-License-Identifier: MIT */
/*
 * A worker process of a process pool: takes jobs from its socket, one at a time.
 *
 * It leaves by _exit: what was registered with atexit before the fork is the program's business.
 * Output is flushed after each job, for the same reason.
 */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "blocking.h"
#include "failure.h"
#include "pool.h"
#include "spin.h"
#include "zygote.h"

#define LINGER_NS 50000

struct worker_clock {
    struct blocking_clock base;
    int socket;
};

/* Nobody reads replies any more, or what came isn't for us: there is nothing to go on with. */
static _Noreturn void leave(int code)
{
    (void)fflush(stdout);
    (void)fflush(stderr);
    _exit(code);
}

/* The size of the bytes behind the order; leaves at the end. The order is looked at first and only
 * then taken out: if we are killed while we wait for it, the program sees that it wasn't begun. */
static size_t receive_order(int socket, struct worker_order *order, void *argument, size_t size)
{
    struct iovec parts[] = {{order, sizeof *order}, {argument, size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t received;
    do
        received = recvmsg(socket, &message, MSG_PEEK);
    while (received < 0 && errno == EINTR);
    if (received < (ssize_t)sizeof *order || (size_t)received - sizeof *order != order->size)
        leave(received == 0 ? 0 : 1);
    char nothing;
    (void)recv(socket, &nothing, 0, 0);
    return order->size;
}

static void reply(int socket, const struct worker_reply *header, void *argument, size_t size,
                  const char *text)
{
    struct iovec parts[] = {
        {(void *)header, sizeof *header}, {argument, size}, {(void *)text, header->text_size}};
    if (message_send(socket, parts, 3, -1, 0) < 0)
        leave(1);
}

static void worker_sleep(struct blocking_clock *base, int64_t nanoseconds)
{
    int socket = container_of(base, struct worker_clock, base)->socket;
    const struct worker_reply asking = {.kind = WORKER_SLEEP, .nanoseconds = nanoseconds};
    struct worker_order order;
    reply(socket, &asking, NULL, 0, NULL);
    (void)receive_order(socket, &order, NULL, 0);
    if (order.kind != WORKER_WAKE)
        leave(1);
}

/* Until the next order is there, or for LINGER_NS. */
static void linger(int socket)
{
    char nothing;
    int64_t end = clock_monotonic() + LINGER_NS;
    while (recv(socket, &nothing, 0, MSG_PEEK | MSG_DONTWAIT) < 0 && clock_monotonic() < end)
        for (int i = 0; i < 8; i++)
            spin_pause();
}

_Noreturn void worker_serve(int socket)
{
    static _Alignas(64) char argument[WORKER_ARGUMENT_MAX];
    (void)prctl(PR_SET_NAME, "eddy-worker");
    for (;;) {
        struct worker_order order;
        struct worker_clock clock = {{worker_sleep}, socket};
        size_t size = receive_order(socket, &order, argument, sizeof argument);
        if (order.kind != WORKER_RUN)
            leave(1);
        eddy_failure_clear();
        blocking_clock = order.virtual_clock ? &clock.base : NULL;
        int result = pool_call((eddy_function_ *)(uintptr_t)order.function, argument);
        blocking_clock = NULL;
        (void)fflush(stdout);
        (void)fflush(stderr);

        const eddy_failure *failure = result < 0 ? eddy_last_failure() : NULL;
        bool failed = failure && eddy_failure_code(failure) == result;
        const char *text = failed ? eddy_failure_message(failure) : "";
        size_t length = strnlen(text, WORKER_TEXT_MAX);
        reply(socket,
              &(struct worker_reply){.kind = WORKER_DONE,
                                     .result = result,
                                     .cpu = sched_getcpu(),
                                     .failed = failed,
                                     .text_size = (uint32_t)length},
              argument, size, text);
        if (order.linger_off >= 0 && order.linger_off != sched_getcpu())
            linger(socket);
    }
}
