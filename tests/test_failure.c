/* SPDX-License-Identifier: MIT */
/* Failures: message, place, task, cause, children, and walking them. */
#include <pthread.h>
#include "support/test.h"
#include "test/invariants.h"

PLAIN_TEST(fail_returns_its_code_and_keeps_the_story)
{
    int line = __LINE__ + 1;
    EXPECT_INT(eddy_fail(-EINVAL, "bad port %d", 7), -EINVAL);
    const eddy_failure *failure = eddy_last_failure();
    EXPECT_INT(eddy_failure_code(failure), -EINVAL);
    EXPECT_TEXT(eddy_failure_message(failure), "bad port 7");
    EXPECT_CONTAINS(eddy_failure_file(failure), "test_failure.c");
    EXPECT_INT(eddy_failure_line(failure), line);
    EXPECT_TEXT(eddy_failure_task(failure), ""); /* outside a task */
    EXPECT(!eddy_failure_cause(failure));
    EXPECT_INT(eddy_failure_count(failure), 0);
    EXPECT(!eddy_failure_child(failure, 0));
    EXPECT_INT(eddy_fail(5, "not negative"), -EINVAL);
    EXPECT_INT(eddy_failure_code(eddy_last_failure()), -EINVAL);
    EXPECT_INT(eddy_fail(0, "%s", ""), -EINVAL);
    EXPECT_TEXT(eddy_failure_message(eddy_last_failure()), "");
    eddy_failure_clear();
    EXPECT(!eddy_last_failure());
}

PLAIN_TEST(the_parts_of_NULL_are_harmless)
{
    EXPECT_INT(eddy_failure_code(NULL), 0);
    EXPECT_TEXT(eddy_failure_message(NULL), "");
    EXPECT_TEXT(eddy_failure_file(NULL), "");
    EXPECT_INT(eddy_failure_line(NULL), 0);
    EXPECT_TEXT(eddy_failure_task(NULL), "");
    EXPECT(!eddy_failure_cause(NULL));
    EXPECT_INT(eddy_failure_count(NULL), 0);
    EXPECT(!eddy_failure_child(NULL, 0));
    EXPECT(!eddy_failure_match(NULL, 0, NULL));
    EXPECT(!eddy_failure_keep(NULL));
    eddy_failure_release(NULL);
    eddy_failure_print(NULL, NULL);
    eddy_failure_clear();
    eddy_failure_clear();
}

PLAIN_TEST(fail_from_has_the_last_failure_as_its_cause)
{
    (void)eddy_fail(-EIO, "disk");
    EXPECT_INT(eddy_fail_from(-EPROTO, "can't read the header"), -EPROTO);
    const eddy_failure *failure = eddy_last_failure();
    EXPECT_TEXT(eddy_failure_message(eddy_failure_cause(failure)), "disk");
    EXPECT_INT(eddy_failure_code(eddy_failure_cause(failure)), -EIO);
    EXPECT(!eddy_failure_cause(eddy_failure_cause(failure)));
    eddy_failure_clear();
    (void)eddy_fail_from(-EIO, "without one");
    EXPECT(!eddy_failure_cause(eddy_last_failure()));
    (void)eddy_fail(-EIO, "%s", eddy_failure_message(eddy_last_failure())); /* of itself */
    EXPECT_TEXT(eddy_failure_message(eddy_last_failure()), "without one");
    eddy_failure_clear();
}

/* A long-lived task whose callee gives codes without records chains on and on. */
static int retries(void)
{
    for (int i = 0; i < 200000; i++)
        (void)eddy_fail_from(-EIO, "attempt %d", i);
    size_t depth = 0;
    for (const eddy_failure *f = eddy_last_failure(); f; f = eddy_failure_cause(f))
        depth++;
    note("%s", depth < 1000 ? "bounded" : "endless");
    return 0;
}

HEAVY_TEST(a_chain_of_causes_neither_grows_without_end_nor_overflows_the_stack)
{
    eddy_task *task = eddy_create_task(retries);
    CHECK_INT(eddy_await(task), 0);
    CHECK_NOTES("bounded");
    return eddy_task_release(task);
}

PLAIN_TEST(keep_outlives_the_next_failure)
{
    (void)eddy_fail(-EIO, "first");
    eddy_failure *kept = eddy_failure_keep(eddy_last_failure());
    (void)eddy_fail(-EPIPE, "second");
    eddy_failure_clear();
    EXPECT_TEXT(eddy_failure_message(kept), "first");
    eddy_failure_release(kept);
}

static int fails_twice(void)
{
    (void)eddy_fail(-EIO, "in a task");
    note("%s", eddy_failure_task(eddy_last_failure()));
    int r = eddy_sleep(1);
    return r < 0 ? r : eddy_failure_code(eddy_last_failure());
}

ORDERED_TEST(each_task_has_a_last_failure_of_its_own)
{
    eddy_task *a = eddy_create_task(fails_twice), *b = eddy_create_task(fails_twice);
    (void)eddy_fail(-EDOM, "main's");
    CHECK_INT(eddy_sleep(2), 0);
    CHECK_NOTES("Task-2 Task-3");
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "main's");
    CHECK_INT(eddy_await(a), -EIO);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "in a task");
    CHECK_TEXT(eddy_failure_task(eddy_last_failure()), "Task-2");
    CHECK_INT(eddy_await(b), -EIO);
    return eddy_task_release(a) + eddy_task_release(b);
}

static void *in_thread(void *unused)
{
    (void)unused;
    if (eddy_last_failure())
        abort();
    (void)eddy_fail(-EPIPE, "a thread's");
    return eddy_failure_code(eddy_last_failure()) == -EPIPE ? NULL : (void *)1;
}

PLAIN_TEST(each_thread_has_a_last_failure_of_its_own_freed_with_it)
{
    (void)eddy_fail(-EIO, "main's");
    for (int i = 0; i < 10; i++) {
        pthread_t thread;
        void *result = NULL;
        EXPECT_INT(pthread_create(&thread, NULL, in_thread, NULL), 0);
        EXPECT_INT(pthread_join(thread, &result), 0);
        EXPECT(!result);
    }
    EXPECT_TEXT(eddy_failure_message(eddy_last_failure()), "main's");
    eddy_failure_clear();
}

/* ---- trees ---- */

struct branch {
    int depth;
};
static int branch(struct branch *a)
{
    int err;
    if (a->depth == 0)
        return eddy_fail(-EIO, "leaf");
    eddy_with_group (g, &err, .policy = EDDY_RUN_ALL) {
        eddy_spawn(g, branch, .depth = a->depth - 1);
        eddy_spawn(g, nap, .name = "n", .result = -EPIPE);
        eddy_spawn(g, branch, .depth = a->depth - 1);
    }
    return err;
}

TEST(match_walks_the_leaves_by_code)
{
    eddy_task *task = eddy_create_task(branch, .depth = 3);
    (void)!eddy_await(task);
    int io = 0, pipe = 0, all = 0;
    const eddy_failure *root = eddy_last_failure(), *one = NULL;
    while ((one = eddy_failure_match(root, -EIO, one)))
        io += strcmp(eddy_failure_message(one), "leaf") == 0;
    while ((one = eddy_failure_match(root, -EPIPE, one)))
        pipe++;
    while ((one = eddy_failure_match(root, 0, one)))
        all++;
    CHECK_INT(io, 8);
    CHECK_INT(pipe, 1 + 2 + 4);
    CHECK_INT(all, 15);
    CHECK(!eddy_failure_match(root, -EDOM, NULL));
    CHECK_INT(eddy_failure_count(root), 3);
    CHECK(!eddy_failure_child(root, 3) && !eddy_failure_child(root, SIZE_MAX));
    test_state.notes[0] = '\0';
    return eddy_task_release(task);
}

TEST(match_of_a_single_failure_is_itself_once)
{
    (void)eddy_fail(-EIO, "alone");
    const eddy_failure *failure = eddy_last_failure();
    CHECK(eddy_failure_match(failure, -EIO, NULL) == failure);
    CHECK(eddy_failure_match(failure, 0, NULL) == failure);
    CHECK(!eddy_failure_match(failure, -EIO, failure));
    CHECK(!eddy_failure_match(failure, -EPIPE, NULL));
    return 0;
}

static int caused(void)
{
    (void)eddy_fail(-ENOENT, "no such photo");
    return eddy_fail_from(-EIO, "can't download");
}

ORDERED_TEST(print_shows_code_message_place_cause_and_children_as_a_tree)
{
    int err;
    eddy_with_group (g, &err, .policy = EDDY_RUN_ALL) {
        eddy_spawn(g, caused);
        eddy_spawn(g, nap, .name = "n", .result = -EPIPE);
    }
    CHECK_NOTES("n");
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    eddy_failure_print(eddy_last_failure(), stream);
    (void)fclose(stream);
    bool good = EXPECT_CONTAINS(text, "EIO: 2 of 2 tasks failed (in Task-1, ") &&
                EXPECT_CONTAINS(text, "\n  - EIO: can't download (in Task-2, ") &&
                EXPECT_CONTAINS(text, "\n    caused by ENOENT: no such photo (in Task-2, ") &&
                EXPECT_CONTAINS(text, "\n  - EPIPE: n failed (in Task-3, ") &&
                EXPECT_CONTAINS(text, "test_failure.c:") && EXPECT_INT(test_count_lines(text), 4);
    free(text);
    CHECK(good);
    return 0;
}

ORDERED_TEST(print_shows_the_first_15_of_many_and_counts_the_rest)
{
    int err;
    eddy_with_group (g, &err, .policy = EDDY_RUN_ALL) {
        for (int i = 0; i < 200; i++)
            eddy_spawn(g, nap, .name = "n", .result = -EPIPE);
    }
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    eddy_failure_print(eddy_last_failure(), stream);
    (void)fclose(stream);
    bool good = EXPECT_INT(test_count_lines(text), 1 + 15 + 1) &&
                EXPECT_CONTAINS(text, "EPIPE: 200 of 200 tasks failed") &&
                EXPECT_CONTAINS(text, ")\n  and 185 more\n");
    free(text);
    CHECK(good);
    return 0;
}

PLAIN_TEST(error_names)
{
    EXPECT_TEXT(eddy_error_name(-ETIMEDOUT), "ETIMEDOUT");
    EXPECT_TEXT(eddy_error_name(-EIO), "EIO");
    EXPECT_TEXT(eddy_error_name(-99999), "EUNKNOWN");
    EXPECT_TEXT(eddy_error_name(INT32_MIN), "EUNKNOWN");
    EXPECT_TEXT(eddy_error_name(0), "EUNKNOWN");
}

/* A call that gives NULL leaves its error there: no memory for the record mustn't make it 0. */
PLAIN_TEST(without_memory_a_failure_still_has_its_code)
{
    invariants_fail_allocation(1);
    EXPECT_INT(eddy_fail(-ENOSPC, "this text is lost"), -ENOSPC);
    bool failed = invariants_allocation_failed();
    invariants_fail_allocation(0);
    EXPECT(failed);
    EXPECT_INT(eddy_failure_code(eddy_last_failure()), -ENOSPC);
    EXPECT_CONTAINS(eddy_failure_message(eddy_last_failure()), "no memory");
    eddy_failure *kept = eddy_failure_keep(eddy_last_failure());
    EXPECT_INT(eddy_fail_from(-EIO, "on top"), -EIO);
    EXPECT_INT(eddy_failure_code(eddy_failure_cause(eddy_last_failure())), -ENOSPC);
    eddy_failure_clear();
    EXPECT_INT(eddy_failure_code(kept), -ENOSPC);
    eddy_failure_release(kept);
}
