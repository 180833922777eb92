/* SPDX-License-Identifier: MIT */
/* Work on another thread, for tests of what may be called there. */
#ifndef EDDY_TESTS_OTHER_THREAD_H
#define EDDY_TESTS_OTHER_THREAD_H

#include <pthread.h>
#include "support/test.h"

#define REAL .virtual_clock = false

/* Does its work on another thread while the loop runs, and lets the loop's task go on after it. */
struct other {
    void (*work)(struct other *other);
    eddy_loop *loop;
    eddy_future *over; /* shared; finished when the work is done */
    eddy_future *future;
    eddy_task *task;
};

TEST_HELPER void *other_main(void *argument)
{
    struct other *other = argument;
    other->work(other);
    EXPECT_INT(eddy_future_set_result_threadsafe(other->over, other), 0);
    return NULL;
}

/* In a task. */
TEST_HELPER int meanwhile(void (*work)(struct other *other), eddy_future *future)
{
    struct other other = {.work = work, .loop = eddy_current_loop(), .future = future};
    eddy_future *over = eddy_future_new();
    other.over = eddy_future_share(over);
    other.task = eddy_current_task();
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, other_main, &other), 0);
    void *value = NULL;
    CHECK_INT(eddy_future_await(over, &value), 0);
    CHECK(value == &other);
    CHECK_INT(pthread_join(thread, NULL), 0);
    eddy_future_release(over);
    return 0;
}

#endif
