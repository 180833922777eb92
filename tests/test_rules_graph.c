/* SPDX-License-Identifier: MIT */
/* Who waits for whom: groups, gathers and cycles in the call graph; deadlocks. */
#define TEST_DEFAULTS .real_system = true
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include "sanitizer.h"
#include "support/graph.h"
#include "support/process.h"

static size_t awaiters(eddy_task *task)
{
    return eddy_task_awaited_by(task, NULL, 0);
}

static eddy_task *named(eddy_task *task, const char *name)
{
    EXPECT_INT(eddy_task_set_name(task, name), 0);
    return task;
}

/* ---- 265: many at once ---- */

struct gathers {
    eddy_task *first, *second;
};
static int gathers(struct gathers *a)
{
    eddy_task *both[] = {a->first, a->second};
    return eddy_gather(both, 2, NULL, EDDY_RAISE_FIRST);
}

TEST(rule_265_a_gather_awaits_each_of_its_tasks)
{
    eddy_task *first = eddy_create_task(nap, .seconds = 1),
              *second = eddy_create_task(nap, .seconds = 2);
    eddy_task *both = named(eddy_create_task(gathers, .first = first, .second = second), "both");
    turns(2);
    CHECK_CONTAINS(graph_of(first),
                   "\n  + awaited by 'both' in gather\n    * 'both' gathers() at ");
    CHECK_CONTAINS(graph_of(second), "\n  + awaited by 'both' in gather\n");
    CHECK_INT(eddy_await(first), 0);
    CHECK_INT(awaiters(first), 0);
    CHECK_INT(awaiters(second), 1);
    CHECK_INT(eddy_await(both), 0);
    return eddy_task_release(first) + eddy_task_release(second) + eddy_task_release(both);
}

static int groups(void)
{
    int err;
    eddy_with_group (g, &err) {
        named(eddy_spawn(g, nap, .seconds = 5), "child");
        EXPECT_INT(eddy_sleep(1), 0);
    }
    return err;
}

static eddy_task *task_named(const char *name)
{
    eddy_task *all[16];
    size_t count = eddy_all_tasks(all, 16);
    for (size_t i = 0; i < count && i < 16; i++)
        if (strcmp(eddy_task_name(all[i]), name) == 0)
            return all[i];
    return NULL;
}

TEST(rule_265_a_groups_task_awaits_its_children_from_the_beginning)
{
    eddy_task *owner = named(eddy_create_task(groups), "owner");
    turns(2);
    eddy_task *child = task_named("child");
    const char *text = graph_of(child);
    CHECK_CONTAINS(text, "\n  + awaited by 'owner' in the group at test_rules_graph.c:");
    CHECK_CONTAINS(text, "\n    * 'owner' groups() at test_rules_graph.c:");
    CHECK_CONTAINS(text, "waiting for sleep, in the group at test_rules_graph.c:");
    CHECK_INT(eddy_sleep(2), 0);
    CHECK_CONTAINS(graph_of(child), "waiting for the tasks of a group, in the group at ");
    text = graph_of(NULL); /* all, each once */
    CHECK_CONTAINS(text, "* 'Task-1' ");
    CHECK_CONTAINS(text, ", running");
    CHECK_CONTAINS(text, "\n* 'owner' groups() at ");
    CHECK_CONTAINS(text, "\n* 'child' nap() at ");
    CHECK_CONTAINS(text, "\n  + awaited by 'owner' in the group at ");
    CHECK(!strstr(text, "\n    * "));
    CHECK_INT(eddy_await(owner), 0);
    CHECK_CONTAINS(graph_of(owner), "* <Task finished name='owner'");
    CHECK_INT(awaiters(owner), 0);
    return eddy_task_release(owner);
}

/* ---- 266: every way out of a wait ends its links ---- */

struct gives_up {
    eddy_task *task;
    bool gather;
};
static int gives_up(struct gives_up *a)
{
    eddy_task *tasks[] = {a->task};
    return a->gather ? eddy_gather(tasks, 1, NULL, EDDY_RAISE_FIRST) : eddy_task_wait(a->task);
}

TEST(rule_266_links_end_with_the_wait_on_every_path)
{
    eddy_task *task = eddy_create_task(nap, .seconds = 10), *other = NULL;
    other = eddy_create_task(gives_up, .task = task);
    turns(1);
    CHECK_INT(awaiters(task), 1);
    CHECK(eddy_task_cancel(other)); /* at once, before it has run */
    CHECK_INT(awaiters(task), 0);
    CHECK_INT(eddy_await(other), -ECANCELED);
    CHECK_INT(eddy_task_release(other), 0);
    int err;
    eddy_with_timeout (1, &err) {
        EXPECT_INT(eddy_task_wait(task), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(awaiters(task), 0);
    other = eddy_create_task(gives_up, .task = task, .gather = true);
    turns(1);
    CHECK_INT(awaiters(task), 1);
    CHECK(eddy_task_cancel(other)); /* cancels the task, too, and waits for it */
    CHECK_INT(awaiters(task), 1);
    CHECK_INT(eddy_await(other), -ECANCELED);
    CHECK(eddy_task_done(task));
    CHECK_INT(awaiters(task), 0);
    return eddy_task_release(task) + eddy_task_release(other);
}

static int cancelled_with_two(void)
{
    eddy_task *slow = named(eddy_create_task(nap, .seconds = 10, .cleanup = 5), "slow");
    eddy_task *fails = eddy_create_task(nap, .seconds = 1, .name = "fails", .result = -EIO);
    eddy_task *both[] = {slow, fails};
    CHECK_INT(eddy_gather(both, 2, NULL, EDDY_RAISE_FIRST), -EIO);
    CHECK_INT(awaiters(slow), 0); /* it goes on, and nobody awaits it */
    CHECK_CONTAINS(graph_of(slow), "waiting for sleep\n");
    CHECK(!strstr(graph_of(slow), "awaited by"));
    CHECK(eddy_task_cancel(slow));
    CHECK_INT(eddy_await(slow), -ECANCELED);
    CHECK_NOTES("fails");
    return eddy_task_release(slow) + eddy_task_release(fails);
}

TEST(rule_266_a_gather_that_failed_awaits_nobody)
{
    return cancelled_with_two();
}

/* ---- deadlocks ---- */

static const eddy_lock free_lock = EDDY_LOCK_INIT;

struct crossed {
    eddy_lock *first, *second;
};
static int crossed(struct crossed *a)
{
    int r = eddy_lock_acquire(a->first);
    if (r == 0) {
        r = eddy_sleep(1);
        if (r == 0) {
            r = eddy_lock_acquire(a->second);
            if (r == 0)
                (void)eddy_lock_release(a->second);
        }
        (void)eddy_lock_release(a->first);
    }
    return r;
}

static eddy_task *to_cancel;
static int cancels;

/* The handler may help: what it queues is run. */
static void helping_log(void *context, const struct eddy_log_record *record)
{
    test_log(context, record);
    if (record->event == EDDY_LOG_DEADLOCK) {
        note("at %g", eddy_time());
        cancels += eddy_task_cancel(to_cancel);
    }
}

static int locks_crosswise(void)
{
    eddy_lock one = free_lock, two = free_lock;
    eddy_task *left = named(eddy_create_task(crossed, .first = &one, .second = &two), "left");
    eddy_task *right = named(eddy_create_task(crossed, .first = &two, .second = &one), "right");
    to_cancel = right;
    int r = eddy_await(left);
    EXPECT_INT(eddy_await(right), -ECANCELED);
    return r + eddy_task_release(left) + eddy_task_release(right);
}

struct helped {
    int (*function)(void);
};
static int helped(struct helped *a)
{
    return a->function();
}

static int run_with_help(int (*function)(void), bool virtual_clock)
{
    struct eddy_options options = {
        .virtual_clock = virtual_clock, .quiet = true, .log = helping_log};
    cancels = 0;
    return eddy_run_with(&options, helped, .function = function);
}

PLAIN_TEST(locks_taken_crosswise_are_a_deadlock_that_names_the_circle)
{
    EXPECT_INT(run_with_help(locks_crosswise, true), 0);
    struct test_record *record = EXPECT_REPORT(EDDY_LOG_DEADLOCK,
                                               "wait for each other in a circle");
    if (!record)
        return;
    EXPECT_CONTAINS(record->message, "'left' (crossed at test_rules_graph.c:");
    EXPECT_CONTAINS(record->message, "is waiting for lock held by 'right'");
    EXPECT_CONTAINS(record->message, "is waiting for lock held by 'left'");
    EXPECT(!strstr(record->message, "Task-1")); /* waits, but isn't part of it */
    EXPECT_NOTES("at 1");
    EXPECT_INT(cancels, 1);
    EXPECT_INT(run_with_help(locks_crosswise, false), 0);
    EXPECT_REPORT(EDDY_LOG_DEADLOCK, "circle");
}

/* Nobody helps: it stays stuck, after one report on stderr with the graph of all tasks. */
static eddy_task *awaited;
static int awaits_it(void)
{
    return eddy_await(awaited);
}

static int await_each_other(void)
{
    awaited = eddy_current_task();
    eddy_task *one = named(eddy_create_task(awaits_it), "one");
    return eddy_await(one);
}

/* Signals end a poll early, so the loop gets to look again and again before one kills it. */
static volatile sig_atomic_t alarms;
static void on_alarm(int number)
{
    if (++alarms == 4)
        (void)signal(number, SIG_DFL);
}

static void await_each_other_in_a_process(void)
{
    struct eddy_options options = {.virtual_clock = true};
    const struct itimerval often = {{0, 100000}, {0, 100000}};
    struct sigaction action = {.sa_handler = on_alarm};
    (void)sigaction(SIGALRM, &action, NULL);
    (void)setitimer(ITIMER_REAL, &often, NULL);
    (void)eddy_run_with(&options, await_each_other);
}

PLAIN_TEST(tasks_that_await_each_other_are_a_deadlock_told_once_with_their_graph)
{
    run_child(await_each_other_in_a_process);
    EXPECT_DEATH(SIGALRM,
                 "eddy: warning: deadlock: tasks wait for each other in a circle: 'Task-1' "
                 "(await_each_other at test_rules_graph.c:");
    EXPECT_CONTAINS(process.text, "is waiting for task 'one', 'one' (awaits_it at ");
    EXPECT_CONTAINS(process.text, "\n* 'one' awaits_it() at test_rules_graph.c:");
    EXPECT_CONTAINS(process.text, "\n  + awaited by 'Task-1' in await\n");
    const char *first = strstr(process.text, "deadlock");
    EXPECT(first && !strstr(first + 1, "deadlock"));
}

static int waits_for_an_event(void)
{
    eddy_event never = EDDY_EVENT_INIT;
    to_cancel = eddy_current_task();
    int r = eddy_event_wait(&never);
    return r == -ECANCELED ? 7 : r;
}

PLAIN_TEST(a_wait_that_nobody_can_end_is_told_once)
{
    if (EDDY_TSAN) {
        printf("SKIP: the thread sanitizer has a thread of its own, which could call\n");
        skip();
    }
    if (getenv("EDDY_EMULATOR")) {
        printf("SKIP: the emulator has a thread of its own, which could call\n");
        skip();
    }
    EXPECT_INT(run_with_help(waits_for_an_event, true), 7);
    EXPECT_REPORT(EDDY_LOG_DEADLOCK, "nothing can wake any task: 'Task-1' (helped at ");
    EXPECT_INT(test_count_records(EDDY_LOG_DEADLOCK), 1);
}

static size_t threads_seen;

/* A ring leaves the making of a directory to a thread of the kernel's, which stays for some
 * seconds. */
static int leaves_a_thread_and_waits(void)
{
    struct stat threads;
    EXPECT_INT(eddy_make_directory("/", 0700), -EEXIST);
    threads_seen = stat("/proc/self/task", &threads) < 0 ? 0 : threads.st_nlink - 2;
    return waits_for_an_event();
}

PLAIN_TEST(threads_of_the_kernel_or_of_the_pool_are_none_that_could_call)
{
    if (EDDY_TSAN || getenv("EDDY_EMULATOR")) {
        printf("SKIP: there is a thread that could call\n");
        skip();
    }
    EXPECT_INT(run_with_help(leaves_a_thread_and_waits, true), 7);
    EXPECT_REPORT(EDDY_LOG_DEADLOCK, "nothing can wake any task: 'Task-1' (helped at ");
    EXPECT(threads_seen > 1);
}

/* ---- what is none ---- */

static int sleeps_for_ever(void)
{
    to_cancel = eddy_current_task();
    eddy_task *other = eddy_create_task(cancel_later, .task = to_cancel, .seconds = 5);
    CHECK_INT(eddy_detach(other), 0);
    return eddy_sleep(EDDY_FOREVER) == -ECANCELED ? 7 : 0;
}

static eddy_event called;
static eddy_loop *called_loop;
static void sets(void *unused)
{
    (void)unused;
    eddy_event_set(&called);
}

static void *calls_later(void *unused)
{
    (void)usleep(100000);
    EXPECT_INT(eddy_call_soon_threadsafe(called_loop, sets, NULL), 0);
    return unused;
}

static int is_called_by_a_thread(void)
{
    pthread_t thread;
    called = (eddy_event)EDDY_EVENT_INIT;
    called_loop = eddy_current_loop();
    CHECK_INT(pthread_create(&thread, NULL, calls_later, NULL), 0);
    int r = eddy_event_wait(&called);
    CHECK_INT(pthread_join(thread, NULL), 0);
    return r;
}

PLAIN_TEST(sleeping_for_ever_or_being_called_by_a_thread_is_no_deadlock)
{
    EXPECT_INT(test_run(sleeps_for_ever), 7);
    EXPECT_INT(test_run(is_called_by_a_thread), 0);
    EXPECT_INT(test_run_with(is_called_by_a_thread, (struct eddy_options){.virtual_clock = false}),
               0);
}
