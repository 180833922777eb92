/* SPDX-License-Identifier: MIT */
/* Locals: inherited at creation, not leaking back, and gone with the task. */
#include <pthread.h>
#include "support/test.h"

static eddy_local user = EDDY_LOCAL_INIT;
static eddy_local many[50];

static const char *value(void)
{
    const char *text = eddy_local_get(&user);
    return text ? text : "-";
}

static int see(void)
{
    note("%s", value());
    return 0;
}

struct change {
    const char *to;
};

static int change(struct change *a)
{
    note("%s", value());
    int r = eddy_local_set(&user, a->to, NULL);
    turns(1);
    note("%s", value());
    return r;
}

TEST(nothing_set_is_NULL)
{
    CHECK(!eddy_local_get(&user));
    CHECK(!eddy_local_get(NULL));
    CHECK_INT(eddy_local_set(&user, NULL, NULL), 0);
    CHECK(!eddy_local_get(&user));
    return 0;
}

ORDERED_TEST(rule_055_a_task_gets_the_values_of_its_creator)
{
    int err;
    CHECK_INT(eddy_local_set(&user, "ann", NULL), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, see);
        EXPECT_INT(eddy_local_set(&user, "bob", NULL), 0); /* too late for the first one */
        eddy_spawn(g, see);
    }
    CHECK_NOTES("ann bob");
    eddy_task *task = eddy_create_task(see);
    CHECK_INT(eddy_await(task), 0);
    CHECK_NOTES("bob");
    return eddy_task_release(task) + err;
}

ORDERED_TEST(rule_055_changes_do_not_leak_back_or_to_siblings)
{
    int err;
    CHECK_INT(eddy_local_set(&user, "ann", NULL), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, change, .to = "bob");
        eddy_spawn(g, change, .to = "cat");
        eddy_spawn(g, change, .to = NULL);
    }
    CHECK_NOTES("ann ann ann bob cat -");
    CHECK_TEXT(value(), "ann");
    return err;
}

static int set_in_main(void)
{
    EXPECT_TEXT(value(), "outside");
    EXPECT_INT(eddy_local_set(&user, "inside", NULL), 0);
    return 0;
}

PLAIN_TEST(a_run_begins_with_the_values_of_its_thread)
{
    EXPECT(!eddy_local_get(&user));
    EXPECT_INT(eddy_local_set(&user, "outside", NULL), 0);
    EXPECT_TEXT(value(), "outside");
    EXPECT_INT(test_run(set_in_main), 0);
    EXPECT_TEXT(value(), "outside");
    EXPECT_INT(eddy_local_set(&user, NULL, NULL), 0);
}

static void *in_thread(void *unused)
{
    EXPECT(!eddy_local_get(&user));
    EXPECT_INT(eddy_local_set(&user, "thread", NULL), 0);
    EXPECT_TEXT(value(), "thread");
    return unused; /* its set is freed with it */
}

REAL_PLAIN_TEST(each_thread_has_its_own)
{
    pthread_t thread;
    EXPECT_INT(eddy_local_set(&user, "main", NULL), 0);
    EXPECT_INT(pthread_create(&thread, NULL, in_thread, NULL), 0);
    EXPECT_INT(pthread_join(thread, NULL), 0);
    EXPECT_TEXT(value(), "main");
    EXPECT_INT(eddy_local_set(&user, NULL, NULL), 0);
}

TEST(reset_brings_back_what_the_set_replaced)
{
    eddy_local_token first, second;
    CHECK_INT(eddy_local_set(&user, "a", &first), 0);
    CHECK_INT(eddy_local_set(&user, "b", &second), 0);
    CHECK_INT(eddy_local_reset(&user, &second), 0);
    CHECK_TEXT(value(), "a");
    CHECK_INT(eddy_local_reset(&user, &first), 0);
    CHECK(!eddy_local_get(&user));
    return 0;
}

struct reset_elsewhere {
    eddy_local_token *token;
};

static int reset_elsewhere(struct reset_elsewhere *a)
{
    return eddy_local_reset(&user, a->token);
}

TEST(a_token_serves_once_for_its_local_and_in_its_task)
{
    eddy_local_token token, zero = {{0}};
    CHECK_INT(eddy_local_set(&user, "a", &token), 0);
    eddy_task *task = eddy_create_task(reset_elsewhere, .token = &token);
    CHECK_INT(eddy_await(task), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the token is another task's");
    CHECK_INT(eddy_local_reset(&many[0], &token), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the token is another local's");
    CHECK_INT(eddy_local_reset(&user, &token), 0);
    CHECK_INT(eddy_local_reset(&user, &token), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the token was used already");
    CHECK_INT(eddy_local_reset(&user, &zero), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the token was used already");
    CHECK_INT(eddy_local_reset(&user, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "NULL local or token");
    CHECK_INT(eddy_local_reset(NULL, &token), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "NULL local or token");
    CHECK_INT(eddy_local_set(NULL, "x", NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "NULL local");
    return eddy_task_release(task);
}

static int leave_block(int how)
{
    int err;
    eddy_with_local (&user, "block", &err) {
        EXPECT_INT(err, 0);
        EXPECT_TEXT(value(), "block");
        if (how == 1)
            return 1;
        if (how == 2)
            goto out;
        if (how == 3)
            break;
        eddy_with_local (&user, "inner", NULL) {
            EXPECT_TEXT(value(), "inner");
        }
        EXPECT_TEXT(value(), "block");
    }
    return 0;
out:
    return 2;
}

TEST(a_block_brings_the_value_back_on_every_way_out)
{
    CHECK_INT(eddy_local_set(&user, "ann", NULL), 0);
    for (int how = 0; how < 4; how++) {
        CHECK_INT(leave_block(how), how == 3 ? 0 : how);
        CHECK_TEXT(value(), "ann");
    }
    int err;
    eddy_with_local (NULL, "x", &err) {
        note("never");
    }
    CHECK_INT(err, -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_local_set");
    CHECK_NOTES("");
    return 0;
}

static int see_many(void)
{
    for (int i = 0; i < 50; i++)
        EXPECT(eddy_local_get(&many[i]) == (i % 3 ? &many[i] : NULL));
    EXPECT_INT(eddy_local_set(&many[7], NULL, NULL), 0);
    EXPECT(!eddy_local_get(&many[7]));
    return 0;
}

TEST(there_may_be_many)
{
    for (int i = 0; i < 50; i++)
        CHECK_INT(eddy_local_set(&many[i * 7 % 50], &many[i * 7 % 50], NULL), 0);
    for (int i = 0; i < 50; i += 3)
        CHECK_INT(eddy_local_set(&many[i], NULL, NULL), 0);
    eddy_task *task = eddy_create_task(see_many);
    CHECK_INT(eddy_await(task), 0);
    CHECK(eddy_local_get(&many[7]) == &many[7]);
    return eddy_task_release(task);
}

static int never(void)
{
    return 0;
}

TEST(a_task_cancelled_before_it_ran_gives_its_values_back)
{
    CHECK_INT(eddy_local_set(&user, "ann", NULL), 0); /* the kit looks for memory left */
    eddy_task *task = eddy_create_task(never);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_await(task), -ECANCELED);
    return eddy_task_release(task);
}

static int spawn_storm(void)
{
    int err;
    eddy_with_group (g, &err) {
        for (int i = 0; i < 100; i++)
            eddy_spawn(g, change, .to = i % 2 ? "x" : NULL);
        eddy_group_cancel(g);
    }
    return err;
}

TEST(many_tasks_share_one_set)
{
    CHECK_INT(eddy_local_set(&user, "ann", NULL), 0);
    CHECK_INT(spawn_storm(), 0);
    CHECK_TEXT(value(), "ann");
    return 0;
}

static void see_in_callback(void *unused)
{
    (void)unused;
    note("%s", value());
    EXPECT_INT(eddy_local_set(&user, "callback", NULL), 0); /* its own */
}

ORDERED_TEST(a_callback_has_the_values_of_who_asked_for_it)
{
    CHECK_INT(eddy_local_set(&user, "ann", NULL), 0);
    CHECK(eddy_call_soon(see_in_callback, NULL));
    CHECK(eddy_call_later(1, see_in_callback, NULL));
    eddy_handle *soon = eddy_call_soon(see_in_callback, NULL);
    eddy_handle *later = eddy_call_later(1, see_in_callback, NULL);
    CHECK(eddy_handle_cancel(soon) && eddy_handle_cancel(later));
    CHECK_INT(eddy_call_soon_threadsafe(eddy_current_loop(), see_in_callback, NULL), 0);
    CHECK_INT(eddy_local_set(&user, "bob", NULL), 0);
    CHECK(eddy_call_soon(see_in_callback, NULL));
    CHECK_INT(eddy_sleep(2), 0);
    CHECK_NOTES("ann bob ann ann");
    CHECK_TEXT(value(), "bob");
    return 0;
}

struct look {
    char seen[20], then[20];
};

static int look(struct look *a)
{
    (void)snprintf(a->seen, sizeof a->seen, "%s", value());
    int r = eddy_local_set(&user, "thread", NULL);
    (void)snprintf(a->then, sizeof a->then, "%s", value());
    return r;
}

TEST(rule_242_to_thread_carries_the_values)
{
    struct look job = {.seen = ""};
    CHECK_INT(eddy_local_set(&user, "ann", NULL), 0);
    CHECK_INT(eddy_to_thread(look, &job), 0);
    CHECK_TEXT(job.seen, "ann");
    CHECK_TEXT(job.then, "thread");
    CHECK_TEXT(value(), "ann");
    CHECK_INT(eddy_local_set(&user, NULL, NULL), 0);
    CHECK_INT(eddy_to_thread_abandon(look, &job), 0);
    CHECK_TEXT(job.seen, "-"); /* nothing is left in the thread */
    return 0;
}
