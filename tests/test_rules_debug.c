/* SPDX-License-Identifier: MIT */
/* Rules of debug mode and introspection: frames, call graph, handlers, deadlocks. */
#include <pthread.h>
#include "support/graph.h"
#include "support/test.h"

/* ---- 57 ---- */

static __attribute__((__noinline__)) int innermost(double seconds)
{
    int r = eddy_sleep(seconds);
    return r < 0 ? r : 2; /* no tail call */
}

static __attribute__((__noinline__)) int in_the_middle(double seconds)
{
    int r = innermost(seconds);
    return r < 0 ? r : r + 1;
}

struct outermost {
    double seconds;
};
static int outermost(struct outermost *a)
{
    int r = in_the_middle(a->seconds);
    return r < 0 ? r : r + 1;
}

/* One line a frame. */
static __attribute__((__noinline__)) void describe_stack(eddy_task *task, char *text, size_t size)
{
    void *frames[32];
    size_t count = eddy_task_stack(task, frames, 32), used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count && used < size; i++) {
        used += (size_t)eddy_describe_address(frames[i], text + used, size - used);
        used += (size_t)snprintf(text + used, used < size ? size - used : 0, "\n");
    }
}

ORDERED_TEST(rule_057_the_stack_of_a_suspended_task_has_all_its_frames)
{
    char text[4096];
    void *one;
    eddy_task *task = eddy_create_task(outermost, .seconds = 1);
    CHECK_INT(eddy_task_stack(task, &one, 1), 0); /* not begun */
    turns(1);
    describe_stack(task, text, sizeof text);
    const char *inner = strstr(text, "innermost+"), *middle = strstr(text, "in_the_middle+"),
               *outer = strstr(text, "outermost+");
    CHECK(inner && middle && outer);
    CHECK(inner < middle && middle < outer);
    CHECK(!strstr(outer, "eddy_task_main_")); /* that is nobody's business */
    CHECK_CONTAINS(text, "(test_rules_debug+0x");
    CHECK_INT(eddy_task_stack(task, &one, 1), 1);
    CHECK_INT(eddy_task_stack(task, NULL, 8), 0);
    CHECK_INT(eddy_await(task), 4);
    CHECK_INT(eddy_task_stack(task, &one, 1), 0); /* done */
    describe_stack(eddy_current_task(), text, sizeof text);
    CHECK_CONTAINS(text, "describe_stack"); /* the running one's, too */
    CHECK_INT(eddy_task_stack(NULL, &one, 1), 0);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_task_stack: the task is NULL");
    return eddy_task_release(task);
}

PLAIN_TEST(an_address_that_is_no_code_is_told_as_it_is)
{
    char text[64];
    EXPECT(eddy_describe_address((void *)0x10, text, sizeof text) > 0);
    EXPECT_TEXT(text, "0x10");
    EXPECT_INT(eddy_describe_address((void *)0x10, NULL, 9), 4);
    EXPECT_INT(eddy_describe_address((void *)0x10, text, 3), 4);
    EXPECT_TEXT(text, "0x");
}

/* ---- 261 ---- */

static int debug_on_and_off(void)
{
    note("%d", eddy_get_debug());
    eddy_set_debug(true);
    note("%d", eddy_get_debug());
    CHECK_INT(eddy_detach(eddy_create_task(nap, .seconds = 0)), 0);
    eddy_set_debug(false);
    note("%d", eddy_get_debug());
    CHECK_INT(eddy_detach(eddy_create_task(nap, .seconds = 0)), 0);
    return eddy_sleep(1);
}

static const char *debug_lines(const struct eddy_options *options)
{
    test_stderr_begin();
    EXPECT_INT(eddy_run_with(options, debug_on_and_off), 0);
    return test_stderr_end();
}

PLAIN_TEST(rule_261_debug_by_environment_option_and_call_and_off_again)
{
    struct eddy_options plain = {.virtual_clock = true};
    struct eddy_options debug = {.virtual_clock = true, .debug = true};
    const char *text = debug_lines(&plain);
    EXPECT_NOTES("0 1 0");
    EXPECT(!strstr(text, "'Task-1' created"));
    EXPECT_CONTAINS(text, "'Task-2' created");
    EXPECT(!strstr(text, "'Task-3' created"));
    text = debug_lines(&debug);
    EXPECT_NOTES("1 1 0");
    EXPECT_CONTAINS(text, "'Task-1' created");
    EXPECT_INT(setenv("EDDY_DEBUG", "1", 1), 0);
    text = debug_lines(&plain);
    EXPECT_NOTES("1 1 0");
    EXPECT_CONTAINS(text, "'Task-1' created");
    EXPECT_INT(unsetenv("EDDY_DEBUG"), 0);
    EXPECT(!eddy_get_debug());
    eddy_set_debug(true); /* outside a loop: nothing */
    EXPECT(!eddy_get_debug());
}

/* ---- 262, 263: the handler ---- */

static void handler_that_does_wrong(void *context, const struct eddy_log_record *record)
{
    if (record->level < EDDY_LOG_WARNING)
        return;
    ++*(int *)context;
    (void)eddy_lock_release(NULL); /* which wants to be reported as well */
}

static int does_wrong(void)
{
    (void)eddy_lock_release(NULL);
    CHECK_INT(eddy_sleep(1), 0);
    (void)eddy_lock_release(NULL);
    return 0;
}

PLAIN_TEST(rule_262_a_report_out_of_the_handler_goes_to_stderr)
{
    int calls = 0;
    struct eddy_options options = {
        .virtual_clock = true, .log = handler_that_does_wrong, .log_context = &calls};
    test_stderr_begin();
    int r = eddy_run_with(&options, does_wrong);
    const char *text = test_stderr_end();
    EXPECT_INT(r, 0);
    EXPECT_INT(calls, 2);
    EXPECT_INT(test_count_lines(text), 2);
    EXPECT_CONTAINS(text, "eddy: error: eddy_lock_release: NULL lock");
}

static void handler_that_asks(void *context, const struct eddy_log_record *record)
{
    (void)context;
    if (record->event == EDDY_LOG_MISUSE)
        note("%s:%s", record->task, eddy_task_name(eddy_current_task()));
    if (record->event == EDDY_LOG_TASK_LOST)
        note("%s:%s:%d", record->task, eddy_failure_task(record->failure), record->code);
}

static int fails_alone(void)
{
    CHECK_INT(eddy_task_set_name(eddy_current_task(), "loner"), 0);
    (void)eddy_lock_release(NULL);
    return eddy_fail(-EIO, "alone");
}

static int leaves_one_that_fails(void)
{
    CHECK_INT(eddy_detach(eddy_create_task(fails_alone)), 0);
    return eddy_sleep(1);
}

PLAIN_TEST(rule_263_the_handler_runs_in_the_task_that_it_is_about)
{
    struct eddy_options options = {.virtual_clock = true, .log = handler_that_asks};
    EXPECT_INT(eddy_run_with(&options, leaves_one_that_fails), 0);
    EXPECT_NOTES("loner:loner loner:loner:-5");
}

/* ---- 264 ---- */

TEST(rule_264_tasks_blocks_and_failures_remember_where_they_were_made)
{
    char text[256], here[64];
    eddy_task *task = eddy_create_task(nap, .seconds = 1);
    (void)snprintf(here, sizeof here, "nap() at test_rules_debug.c:%d", __LINE__ - 1);
    CHECK(eddy_task_describe(task, text, sizeof text) > 0);
    CHECK_CONTAINS(text, here);
    int err;
    eddy_with_timeout (0.5, &err) {
        (void)snprintf(here, sizeof here, "the timeout at test_rules_debug.c:%d", __LINE__ - 1);
        EXPECT_CONTAINS(graph_of(eddy_current_task()), here);
        EXPECT_INT(eddy_task_wait(task), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(eddy_failure_line(eddy_last_failure()), __LINE__ - 6);
    CHECK_CONTAINS(eddy_failure_file(eddy_last_failure()), "test_rules_debug.c");
    CHECK_INT(eddy_await(task), 0);
    return eddy_task_release(task);
}

static void called_back(void *text)
{
    (void)eddy_handle_describe(NULL, text, 64);
}

static const char *description_of(const eddy_handle *handle)
{
    static char text[256];
    EXPECT_INT(eddy_handle_describe(handle, NULL, 0),
               eddy_handle_describe(handle, text, sizeof text));
    return text;
}

TEST(rule_264_callbacks_remember_where_they_were_asked_for)
{
    char inside[64] = "", here[3][64], end[8];
    eddy_handle *handles[] = {eddy_call_soon(called_back, inside),
                              eddy_call_later(2.5, called_back, inside),
                              eddy_call_at(7, called_back, inside)};
    for (int i = 0; i < 3; i++)
        (void)snprintf(here[i], sizeof here[i], " at test_rules_debug.c:%d ", __LINE__ - 4 + i);
    for (int i = 0; i < 3; i++) {
        CHECK_CONTAINS(description_of(handles[i]), "<Handle called_back+0x0 (");
        CHECK_CONTAINS(description_of(handles[i]), here[i]);
    }
    CHECK_CONTAINS(description_of(handles[0]), " ready>");
    CHECK_CONTAINS(description_of(handles[1]), " in 2.5 s>");
    CHECK(eddy_handle_cancel(handles[0]));
    CHECK_CONTAINS(description_of(handles[0]), " cancelled>");
    CHECK_INT(eddy_sleep(4), 0);
    CHECK_TEXT(inside, "<Handle stale>");
    CHECK_TEXT(description_of(handles[0]), "<Handle stale>");
    CHECK_TEXT(description_of(handles[1]), "<Handle stale>");
    CHECK_CONTAINS(description_of(handles[2]), " in 3 s>");
    CHECK_INT(eddy_handle_describe(handles[2], end, sizeof end),
              strlen(description_of(handles[2])));
    CHECK_TEXT(end, "<Handle");
    CHECK(eddy_handle_cancel(handles[2]));
    eddy_handle *(*by_pointer)(eddy_callback *, void *) = eddy_call_soon; /* where isn't known */
    CHECK_CONTAINS(description_of(by_pointer(called_back, inside)), ") ready>");
    return eddy_sleep(0);
}

/* ---- 265, 266: the call graph ---- */

struct awaits {
    eddy_task *task;
    char how; /* await, wait, timeout */
};

static int awaits(struct awaits *a)
{
    int err;
    if (a->how == 'a')
        return eddy_await(a->task);
    if (a->how == 'w')
        return eddy_task_wait(a->task);
    eddy_with_timeout (50, &err) {
        err = eddy_await(a->task);
    }
    return err;
}

ORDERED_TEST(rule_265_the_call_graph_leads_from_a_task_to_all_who_await_it)
{
    eddy_task *leaf = eddy_create_task(outermost, .seconds = 5);
    CHECK_INT(eddy_task_set_name(leaf, "leaf"), 0);
    eddy_task *middle = eddy_create_task(awaits, .task = leaf, .how = 'a');
    CHECK_INT(eddy_task_set_name(middle, "middle"), 0);
    eddy_task *timed = eddy_create_task(awaits, .task = middle, .how = 't');
    CHECK_INT(eddy_task_set_name(timed, "timed"), 0);
    eddy_task *waits = eddy_create_task(awaits, .task = leaf, .how = 'w');
    CHECK_INT(eddy_task_set_name(waits, "waits"), 0);
    turns(2);
    const char *text = graph_of(leaf);
    CHECK_CONTAINS(text, "* 'leaf' outermost() at test_rules_debug.c:");
    CHECK_CONTAINS(text, "waiting for sleep\n");
    CHECK_CONTAINS(text, "  | in_the_middle+");
    CHECK_CONTAINS(text, "\n  + awaited by 'middle' in await\n    * 'middle' awaits() at ");
    CHECK_CONTAINS(text, "waiting for task 'leaf'\n");
    CHECK_CONTAINS(text, "      + awaited by 'timed' in await\n        * 'timed' awaits() at ");
    CHECK_CONTAINS(text, ", in the timeout at test_rules_debug.c:");
    CHECK_CONTAINS(text, "\n  + awaited by 'waits' in await\n");
    eddy_task *who[4];
    CHECK_INT(eddy_task_awaited_by(leaf, who, 4), 2);
    CHECK(who[0] == middle && who[1] == waits);
    CHECK_INT(eddy_await(timed), 4);
    CHECK_INT(eddy_await(waits), 0);
    return eddy_task_release(leaf) + eddy_task_release(middle) + eddy_task_release(timed) +
           eddy_task_release(waits);
}
