/* SPDX-License-Identifier: MIT */
/* The zygote by itself, asked over a channel of the test's own. */
#define TEST_DEFAULTS .real_system = true
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "memory.h"
#include "pool.h"
#include "support/test.h"
#include "zygote.h"

/* ---- a zygote whose memory has an end ---- */

static size_t allocations_left;

static bool allow(struct memory_watcher *watcher, size_t size)
{
    (void)watcher;
    (void)size;
    return allocations_left && allocations_left--;
}

static void count_nothing(struct memory_watcher *watcher, int change)
{
    (void)watcher;
    (void)change;
}

struct asked {
    pid_t pid;
    int control, channel;
};

/* With one channel, for so many workers, for which the memory is enough. */
static struct asked zygote_begin(uint32_t workers)
{
    static struct memory_watcher watcher = {.allows = allow, .count = count_nothing};
    int control[2], channel[2];
    sigset_t mask;
    (void)sigemptyset(&mask);
    EXPECT_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control), 0);
    EXPECT_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel), 0);
    struct asked asked = {.pid = fork(), .control = control[0], .channel = channel[0]};
    if (asked.pid == 0) {
        (void)close(control[0]);
        (void)close(channel[0]);
        (void)close(channel[1]); /* it gets its own */
        allocations_left = 2;    /* what it waits with, and the channel */
        memory_watcher = &watcher;
        zygote_serve(control[1], &mask);
    }
    struct iovec part = {&workers, sizeof workers};
    EXPECT_INT(message_send(control[0], &part, 1, channel[1], 0), 0);
    (void)close(control[1]);
    (void)close(channel[1]);
    return asked;
}

static void zygote_end(struct asked asked)
{
    int status = -1;
    (void)close(asked.channel);
    (void)close(asked.control);
    EXPECT_INT(waitpid(asked.pid, &status, 0), asked.pid);
    EXPECT_INT(status, 0);
}

/* A start without a socket: one that can't be. */
static void ask_to_start(struct asked asked, uint32_t number)
{
    struct zygote_request request = {.kind = ZYGOTE_START, .worker = number};
    struct iovec part = {&request, sizeof request};
    EXPECT_INT(message_send(asked.channel, &part, 1, -1, 0), 0);
}

/* The numbers that reports are about, each once; the patience is for who would never hear. */
static size_t count_reports(struct asked asked, size_t expected)
{
    static bool told[POOL_PROCESSES_MAX];
    size_t count = 0;
    struct pollfd polled = {.fd = asked.channel, .events = POLLIN};
    memset(told, 0, sizeof told);
    while (count < expected) {
        struct zygote_report report;
        int r = poll(&polled, 1, 20000);
        if (r < 0 && errno == EINTR)
            continue;
        if (!EXPECT_INT(r, 1))
            break;
        if (!EXPECT_INT(recv(asked.channel, &report, sizeof report, 0), sizeof report))
            break;
        EXPECT_INT(report.error, -EMFILE);
        if (!EXPECT(report.worker < POOL_PROCESSES_MAX && !told[report.worker]))
            break;
        told[report.worker] = true;
        count++;
    }
    return count;
}

/* More than a channel takes at a time, and nobody reads them. */
PLAIN_TEST(no_report_is_lost_without_memory_and_room)
{
    struct asked asked = zygote_begin(POOL_PROCESSES_MAX);
    for (uint32_t i = 0; i < POOL_PROCESSES_MAX; i++)
        ask_to_start(asked, i);
    EXPECT_INT(count_reports(asked, POOL_PROCESSES_MAX), POOL_PROCESSES_MAX);
    ask_to_start(asked, 7); /* all were told: there is room for others */
    EXPECT_INT(count_reports(asked, 1), 1);
    zygote_end(asked);
}

/* Who asks for more than there can be isn't a pool. */
PLAIN_TEST(more_workers_than_were_agreed_on_close_the_channel)
{
    struct zygote_report report;
    struct asked asked = zygote_begin(0);
    ask_to_start(asked, 1);
    EXPECT_INT(recv(asked.channel, &report, sizeof report, 0), 0);
    zygote_end(asked);
}

PLAIN_TEST(a_channel_for_more_workers_than_a_pool_may_have_is_closed)
{
    struct zygote_report report;
    struct asked asked = zygote_begin(POOL_PROCESSES_MAX + 1);
    EXPECT_INT(recv(asked.channel, &report, sizeof report, 0), 0);
    zygote_end(asked);
}
