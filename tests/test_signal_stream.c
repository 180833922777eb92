/* SPDX-License-Identifier: MIT */
/* Streams of signals: several listeners, counts, cancels that lose none. */
#include <eddy/fault.h>
#include <eddy/sweep.h>
#include "signal_handlers.h"

TEST(a_stream_tells_which_signal_and_how_often)
{
    eddy_signals *signals;
    size_t count = 0;
    CHECK_INT(eddy_signals_open(&signals, SIGTERM, SIGHUP), 0);
    for (int i = 0; i < 3; i++)
        CHECK_INT(raise(SIGHUP), 0);
    CHECK_INT(eddy_signals_next(signals, &count), SIGHUP);
    CHECK_INT(count, 3);
    CHECK_INT(raise(SIGTERM), 0);
    CHECK_INT(eddy_signals_next(signals, NULL), SIGTERM);
    eddy_signals_close(signals);
    CHECK(now_at(SIGTERM) == SIG_DFL);
    return 0;
}

struct listen {
    const char *name;
    eddy_signals *signals;
};
static int listener(struct listen *a)
{
    int number;
    size_t count;
    while ((number = eddy_signals_next(a->signals, &count)) > 0)
        note("%s%s%zu", a->name, number == SIGTERM ? "T" : "H", count);
    return number == -EPIPE ? 0 : number;
}

ORDERED_TEST(every_stream_hears_every_signal_and_handlers_do_too)
{
    eddy_signals *one, *two;
    CHECK_INT(eddy_signals_open(&one, SIGTERM, SIGHUP), 0);
    CHECK_INT(eddy_signals_open(&two, SIGTERM), 0);
    CHECK_INT(eddy_add_signal_handler(SIGTERM, note_text, "h"), 0);
    int err;
    eddy_with_group (group, &err) {
        eddy_spawn_as(group, listener, struct listen, .name = "a", .signals = one);
        eddy_spawn_as(group, listener, struct listen, .name = "b", .signals = two);
        CHECK_INT(eddy_sleep(1), 0);
        CHECK_INT(raise(SIGTERM) + raise(SIGTERM) + raise(SIGHUP), 0);
        CHECK_INT(eddy_sleep(1), 0);
        CHECK_NOTES("h aH1 aT2 bT2");
        eddy_signals_close(two);
        CHECK_INT(raise(SIGTERM), 0); /* the others still want it */
        CHECK_INT(eddy_sleep(1), 0);
        CHECK_NOTES("h aT1");
        CHECK(eddy_remove_signal_handler(SIGTERM));
        CHECK_INT(raise(SIGTERM), 0);
        CHECK_INT(eddy_sleep(1), 0);
        CHECK_NOTES("aT1");
        eddy_signals_close(one);
    }
    CHECK(now_at(SIGTERM) == SIG_DFL);
    return err;
}

TEST(several_signals_take_turns_whatever_storm_one_of_them_makes)
{
    eddy_signals *signals;
    CHECK_INT(eddy_signals_open(&signals, SIGHUP, SIGTERM), 0);
    CHECK_INT(raise(SIGTERM) + raise(SIGHUP), 0);
    CHECK_INT(eddy_signals_next(signals, NULL), SIGHUP);
    CHECK_INT(raise(SIGHUP), 0);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_INT(eddy_signals_next(signals, NULL), SIGTERM);
    CHECK_INT(eddy_signals_next(signals, NULL), SIGHUP);
    eddy_signals_close(signals);
    return 0;
}

TEST(what_came_already_is_told_in_a_cancelled_scope_too)
{
    eddy_signals *signals;
    int err, told = 0, refused = 0;
    CHECK_INT(eddy_signals_open(&signals, SIGHUP), 0);
    eddy_with_timeout (1, &err) {
        CHECK_INT(raise(SIGHUP), 0);
        CHECK_INT(eddy_sleep(2), -ECANCELED);
        told = eddy_signals_next(signals, NULL);
        refused = eddy_signals_next(signals, NULL);
    }
    CHECK_INT(told, SIGHUP);
    CHECK_INT(refused, -ECANCELED);
    CHECK_INT(err, -ETIMEDOUT);
    eddy_signals_close(signals);
    return 0;
}

static int cancelled_or_told(void)
{
    eddy_signals *signals;
    size_t told = 0, count = 0;
    int r = eddy_signals_open(&signals, SIGHUP);
    if (r < 0)
        return r;
    for (int i = 0; i < 3 && r >= 0; i++) {
        (void)raise(SIGHUP);
        if (i == 1)
            r = eddy_sleep(0.1);
        if (r >= 0)
            r = eddy_signals_next(signals, &count);
        if (r == SIGHUP)
            told += count;
        /* whoever is refused finds it still there */
        if (r < 0 && eddy_signals_next(signals, &count) == SIGHUP)
            told += count;
        EXPECT_INT(told, i + 1);
    }
    eddy_signals_close(signals);
    return r < 0 ? r : 0;
}

PLAIN_TEST(swept_no_signal_is_lost_and_the_disposition_always_put_back)
{
    EXPECT_INT(eddy_sweep_cancel(cancelled_or_told), 0);
    EXPECT(now_at(SIGHUP) == SIG_DFL);
}

static int opens_and_adds(void)
{
    eddy_signals *signals = NULL;
    int r = eddy_signals_open(&signals, SIGHUP, SIGTERM);
    if (r == 0)
        r = eddy_add_signal_handler(SIGTERM, note_text, "");
    eddy_signals_close(signals);
    (void)eddy_remove_signal_handler(SIGTERM);
    EXPECT(now_at(SIGHUP) == SIG_DFL && now_at(SIGTERM) == SIG_DFL);
    return r;
}

PLAIN_TEST(without_memory_nothing_is_left_behind)
{
    const struct eddy_fault_options memory = {.scenario = opens_and_adds,
                                              .kind = EDDY_FAULT_MEMORY};
    EXPECT_INT(eddy_fault(&memory, NULL), 0);
}

TEST(a_stream_is_checked)
{
    eddy_signals *signals;
    CHECK_INT(eddy_signals_next(NULL, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the stream is NULL");
    CHECK_INT(eddy_signals_open_all(NULL, (const int[]){SIGTERM}, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the stream is NULL");
    CHECK_INT(eddy_signals_open_all(&signals, NULL, 0), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "no signals");
    return 0;
}
