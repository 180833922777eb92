/* SPDX-License-Identifier: MIT */
/* Beginners' mistakes with blocks: left by break, continue, return, goto and longjmp. */
#include "support/process.h"

static int tick(void)
{
    return eddy_sleep(1);
}

/* ---- break, continue, return, goto, longjmp ---- */

/* Only in debug: a break in a block can be meant. */
static int break_in_blocks(void)
{
    int err, rounds = 0;
    for (int i = 0; i < 3; i++) {
        eddy_with_timeout (1.0, &err) {
            if (i == 0)
                break; /* ends the block, not the loop */
            if (i == 1)
                continue;
        }
        rounds++;
    }
    EXPECT_INT(rounds, 3);
    EXPECT_INT(err, 0);
    eddy_with_shield (1.0)
        break;
    eddy_with_group (g, &err) {
        eddy_spawn(g, tick);
        break;
    }
    return err;
}

static size_t count_notes(const char *part)
{
    size_t count = 0;
    for (size_t i = 0; i < test_state.record_count; i++)
        count += test_state.records[i].event == EDDY_LOG_NOTE &&
                 strstr(test_state.records[i].message, part) != NULL;
    return count;
}

TEST_WITH(break_in_a_block_is_noted_in_debug, .virtual_clock = true, .debug = true)
{
    CHECK_INT(break_in_blocks(), 0);
    CHECK_INT(count_notes("break or continue ended the timeout block at "), 1);
    CHECK_INT(count_notes("break or continue ended the shield block at "), 1);
    CHECK_INT(count_notes("break or continue ended the group block at "), 1);
    CHECK_INT(count_notes("test_mistakes_blocks.c:"), 3);
    return 0;
}

TEST(break_in_a_block_is_not_noted_otherwise)
{
    CHECK_INT(break_in_blocks(), 0);
    CHECK_INT(count_notes("break"), 0);
    return 0;
}

static eddy_lock lock = EDDY_LOCK_INIT;

TEST(break_in_a_lock_block_releases_the_lock)
{
    int err;
    eddy_with_lock (&lock, &err)
        break;
    CHECK(!eddy_lock_locked(&lock));
    eddy_with_lock (&lock, &err)
        continue;
    CHECK(!eddy_lock_locked(&lock));
    return err;
}

TEST(break_in_a_group_block_still_joins_the_children)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, tick);
        break;
    }
    CHECK_INT(err, 0);
    CHECK_INT(eddy_all_tasks(NULL, 0), 1); /* the main task alone */
    double start = eddy_time();
    eddy_with_group (g, &err) {
        eddy_spawn(g, tick);
        continue; /* as the end of the body: nobody is cancelled */
    }
    CHECK_INT(eddy_all_tasks(NULL, 0), 1);
    CHECK_TIME(start + 1);
    return err;
}

static int return_inside_a_timeout(void)
{
    eddy_with_timeout (1.0, NULL) {
        int r = eddy_sleep(10);
        if (r < 0)
            return r; /* err is out of reach: nobody turns it into -ETIMEDOUT */
    }
    return 0;
}

TEST(return_inside_a_timeout_becomes_etimedout_and_the_place_is_reported)
{
    eddy_task *task = eddy_create_task(return_inside_a_timeout);
    CHECK_INT(eddy_await(task), -ETIMEDOUT);
    CHECK_TIME(1);
    CHECK(!eddy_task_cancelled(task));
    const eddy_failure *failure = eddy_last_failure();
    CHECK_INT(eddy_failure_code(failure), -ETIMEDOUT);
    CHECK_CONTAINS(eddy_failure_file(failure), "test_mistakes_blocks.c");
    struct test_record *record = EXPECT_REPORT(EDDY_LOG_NOTE, "an expired timeout block at ");
    CHECK(record);
    CHECK_CONTAINS(record->message, "test_mistakes_blocks.c:");
    CHECK_CONTAINS(record->message, "was left by return, so the task's result is -ETIMEDOUT");
    CHECK_CONTAINS(record->message, "eddy_wait_for has no such trap");
    return eddy_task_release(task);
}

TEST(return_of_a_value_inside_a_timeout_stays_the_value)
{
    int r = eddy_wait_for(return_inside_a_timeout(), 20.0);
    CHECK_INT(r, -ECANCELED); /* in a call, not a task: the caller sees what was returned */
    return 0;
}

static int goto_out_of_nested_blocks(int depth)
{
    int outer, inner, held;
    eddy_with_group (g, &outer) {
        eddy_spawn(g, tick);
        eddy_with_timeout (5.0, &inner) {
            eddy_with_lock (&lock, &held) {
                eddy_with_shield (1.0) {
                    if (depth == 4)
                        goto out;
                }
                if (depth == 3)
                    goto out;
            }
            if (depth == 2)
                goto out;
        }
        if (depth == 1)
            goto out;
    }
out:
    EXPECT(!eddy_lock_locked(&lock));
    return eddy_cancelled() ? -EBADE : 0;
}

TEST(goto_out_of_nested_blocks_is_fine)
{
    for (int depth = 0; depth <= 4; depth++) {
        double before = eddy_time();
        CHECK_INT(goto_out_of_nested_blocks(depth), 0);
        CHECK(eddy_time() == (depth ? before : before + 1)); /* jumped out of: cancelled */
        CHECK_INT(eddy_sleep(0), 0);
    }
    return 0;
}

static int longjmp_across_a_block(void)
{
    static jmp_buf place;
    volatile int err;
    eddy_with_timeout (5.0, (int *)&err) {
        if (setjmp(place) == 0)
            eddy_with_shield (1.0)
                longjmp(place, 1);
    }
    return 0;
}

static void run_longjmp_across_a_block(void)
{
    (void)eddy_run(longjmp_across_a_block);
}

REAL_PLAIN_TEST(longjmp_across_a_block_aborts_with_a_message)
{
    run_child(run_longjmp_across_a_block);
    EXPECT_DEATH(SIGABRT, "eddy: fatal: a timeout block entered at ");
    EXPECT_CONTAINS(process.text, "test_mistakes_blocks.c:");
    EXPECT_CONTAINS(process.text,
                    "was left across a block inside it (goto or longjmp?), in Task-1");
}

static int longjmp_out_of_a_block(void)
{
    static jmp_buf place;
    if (setjmp(place) == 0)
        eddy_with_timeout (5.0, NULL)
            longjmp(place, 1);
    return 0;
}

static void run_longjmp_out_of_a_block(void)
{
    (void)eddy_run(longjmp_out_of_a_block);
}

static int longjmp_and_enter_again(void)
{
    static jmp_buf place;
    (void)setjmp(place);
    eddy_with_timeout (5.0, NULL)
        longjmp(place, 1);
    return 0;
}

static void run_longjmp_and_enter_again(void)
{
    (void)eddy_run(longjmp_and_enter_again);
}

REAL_PLAIN_TEST(longjmp_out_of_a_block_aborts_at_the_end_or_the_next_entry)
{
    run_child(run_longjmp_out_of_a_block);
    EXPECT_DEATH(
        SIGABRT,
        "eddy: fatal: a task ended inside a block that it never left (longjmp?), in Task-1");
    run_child(run_longjmp_and_enter_again);
    EXPECT_DEATH(SIGABRT, "eddy: fatal: the timeout block at ");
    EXPECT_CONTAINS(process.text,
                    "was entered again though it was never left (longjmp?), in Task-1");
}
