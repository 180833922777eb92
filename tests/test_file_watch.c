/* SPDX-License-Identifier: MIT */
/* Watching files by inotify. */
#define TEST_DEFAULTS .real_system = true
#include "support/file_test.h"

static int open_watch(eddy_file_watch **watch)
{
    int r = scratch_make();
    return r < 0 ? r : eddy_file_watch_open(watch);
}

TEST(events_of_a_directory)
{
    eddy_file_watch *watch;
    struct eddy_file_event event;
    CHECK_INT(open_watch(&watch), 0);
    int number = eddy_file_watch_add(watch, scratch, IN_CREATE | IN_MOVE | IN_DELETE);
    CHECK(number > 0);
    CHECK_INT(file_make(in_scratch("one"), "x"), 0);
    CHECK_INT(eddy_rename(in_scratch("one"), in_scratch("two")), 0);
    CHECK_INT(eddy_unlink(in_scratch("two")), 0);
    CHECK_INT(eddy_file_watch_next(watch, &event), 0);
    CHECK_INT(event.mask, IN_CREATE);
    CHECK_INT(event.number, number);
    CHECK_TEXT(event.name, "one");
    CHECK_INT(eddy_file_watch_next(watch, &event), 0);
    CHECK_INT(event.mask, IN_MOVED_FROM);
    uint32_t cookie = event.cookie;
    CHECK(cookie);
    CHECK_INT(eddy_file_watch_next(watch, &event), 0);
    CHECK_INT(event.mask, IN_MOVED_TO);
    CHECK_INT(event.cookie, cookie);
    CHECK_TEXT(event.name, "two");
    CHECK_INT(eddy_file_watch_next(watch, &event), 0);
    CHECK_INT(event.mask, IN_DELETE);
    CHECK_INT(eddy_file_watch_remove(watch, number), 0);
    CHECK_INT(eddy_file_watch_next(watch, &event), 0);
    CHECK_INT(event.mask, IN_IGNORED);
    CHECK_INT(eddy_file_watch_remove(watch, number), -EINVAL);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "is no number of a file");
    eddy_file_watch_close(watch);
    return 0;
}

struct write_one {
    const char *path;
};

static int write_one(struct write_one *a)
{
    int r = eddy_sleep(1);
    return r < 0 ? r : file_make(a->path, "text");
}

TEST(a_task_waits_for_a_file_to_be_written)
{
    eddy_file_watch *watch;
    struct eddy_file_event event;
    int err;
    CHECK_INT(open_watch(&watch), 0);
    CHECK_INT(file_make(in_scratch("file"), ""), 0);
    int number = eddy_file_watch_add(watch, in_scratch("file"), IN_CLOSE_WRITE);
    CHECK(number > 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, write_one, .path = in_scratch("file"));
        CHECK_INT(eddy_file_watch_next(watch, &event), 0);
        CHECK_TEXT(event.name, "");
        CHECK_INT(event.mask, IN_CLOSE_WRITE);
    }
    CHECK_INT(err, 0);
    eddy_file_watch_close(watch);
    return eddy_unlink(in_scratch("file"));
}

TEST(a_cancel_loses_no_event)
{
    eddy_file_watch *watch;
    struct eddy_file_event event;
    int err;
    CHECK_INT(open_watch(&watch), 0);
    CHECK(eddy_file_watch_add(watch, scratch, IN_CREATE) > 0);
    eddy_with_timeout (1, &err) {
        CHECK_INT(eddy_file_watch_next(watch, &event), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(file_make(in_scratch("one"), ""), 0);
    CHECK_INT(file_make(in_scratch("two"), ""), 0);
    CHECK_INT(eddy_file_watch_next(watch, &event), 0);
    CHECK_TEXT(event.name, "one");
    CHECK_INT(eddy_file_watch_next(watch, &event), 0);
    CHECK_TEXT(event.name, "two");
    eddy_file_watch_close(watch);
    CHECK_INT(eddy_unlink(in_scratch("one")), 0);
    return eddy_unlink(in_scratch("two"));
}

struct wait_event {
    eddy_file_watch *watch;
};

static int wait_event(struct wait_event *a)
{
    struct eddy_file_event event;
    return eddy_file_watch_next(a->watch, &event);
}

ORDERED_TEST(closing_wakes_the_one_who_waits_and_a_second_one_is_refused)
{
    eddy_file_watch *watch;
    CHECK_INT(open_watch(&watch), 0);
    eddy_task *one = eddy_create_task(wait_event, .watch = watch);
    turns(2);
    eddy_task *two = eddy_create_task(wait_event, .watch = watch);
    CHECK_INT(eddy_await(two), -EBUSY);
    eddy_file_watch_close(watch);
    CHECK_INT(eddy_await(one), -ECONNABORTED);
    CHECK_INT(eddy_task_release(one), 0);
    return eddy_task_release(two);
}

struct add_path {
    eddy_file_watch *watch;
    const char *path;
};

static int add_path(struct add_path *a)
{
    return eddy_file_watch_add(a->watch, a->path, IN_CREATE);
}

/* By then the descriptor's number may be another's. */
TEST(what_is_added_while_it_is_closed_is_added_to_nothing_else)
{
    enum { COUNT = 40 };
    eddy_file_watch *watch, *other;
    eddy_task *tasks[COUNT];
    struct eddy_file_event event;
    int err;
    CHECK_INT(open_watch(&watch), 0);
    for (int i = 0; i < COUNT; i++)
        tasks[i] = eddy_create_task(add_path, .watch = watch, .path = scratch);
    turns(1);
    eddy_file_watch_close(watch);
    CHECK_INT(eddy_file_watch_open(&other), 0);
    for (int i = 0; i < COUNT; i++) {
        CHECK(eddy_await(tasks[i]) > 0);
        CHECK_INT(eddy_task_release(tasks[i]), 0);
    }
    CHECK_INT(file_make(in_scratch("one"), ""), 0);
    eddy_with_timeout (1, &err) {
        CHECK_INT(eddy_file_watch_next(other, &event), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    eddy_file_watch_close(other);
    return eddy_unlink(in_scratch("one"));
}

/* Many names, of every length: each block of events is cut at a whole one. */
TEST(a_thousand_events)
{
    eddy_file_watch *watch;
    struct eddy_file_event event;
    char name[256];
    CHECK_INT(open_watch(&watch), 0);
    CHECK_INT(eddy_make_directory(in_scratch("many"), 0700), 0);
    CHECK(eddy_file_watch_add(watch, in_scratch("many"), IN_CREATE) > 0);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof name, "many/%0*d", 4 + i % 200, i);
        CHECK_INT(mknod(in_scratch(name), S_IFREG | 0600, 0), 0);
    }
    for (int i = 0; i < 1000; i++) {
        CHECK_INT(eddy_file_watch_next(watch, &event), 0);
        CHECK_INT(atoi(event.name), i);
        CHECK_INT(strlen(event.name), 4 + i % 200);
    }
    eddy_file_watch_close(watch);
    return eddy_remove_tree(in_scratch("many"));
}

TEST(bad_arguments_of_file_watches_are_reported)
{
    eddy_file_watch *watch;
    struct eddy_file_event event;
    CHECK_INT(open_watch(&watch), 0);
    CHECK_INT(eddy_file_watch_add(watch, in_scratch("nothing"), IN_CREATE), -ENOENT);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "nothing' can't be watched: No such");
    CHECK_INT(eddy_file_watch_add(watch, scratch, 0), -EINVAL);
    CHECK_INT(eddy_file_watch_add(watch, NULL, IN_CREATE), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_file_watch_add");
    CHECK_INT(eddy_file_watch_add(NULL, scratch, IN_CREATE), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_file_watch_add: the watch is NULL");
    CHECK_INT(eddy_file_watch_next(watch, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_file_watch_next");
    CHECK_INT(eddy_file_watch_next(NULL, &event), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_file_watch_next");
    CHECK_INT(eddy_file_watch_open(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_file_watch_open");
    CHECK_INT(eddy_file_watch_remove(NULL, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_file_watch_remove");
    eddy_file_watch_close(watch);
    eddy_file_watch_close(NULL);
    return 0;
}

static int open_simulated(void)
{
    eddy_file_watch *watch;
    EXPECT_INT(eddy_file_watch_open(&watch), -ENOTSUP);
    EXPECT_CONTAINS(eddy_failure_message(eddy_last_failure()), "files can't be watched");
    return 0;
}

PLAIN_TEST(a_simulated_system_has_none)
{
    const struct eddy_sim_options options = {.loop.log = test_log};
    EXPECT_INT(eddy_sim_run(1, &options, open_simulated), 0);
}
