/* SPDX-License-Identifier: MIT */
/*
 * The end of a run that takes too long: SIGALRM comes by the system's clock, whatever the loop's
 * says, and finds the tasks where they are. They are printed as a tree, each below the one that
 * waits for it, and the process ends: there is no way on from a program that hangs.
 *
 * What the handler calls isn't all async-signal-safe. The process is lost anyway; if the report
 * hangs as well, a second alarm ends it the plain way.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include "group.h"
#include "task.h"
#include "test/session.h"
#include "test/test_kit.h"

enum {
    PATIENCE = 50,       /* seconds */
    REPORT_PATIENCE = 5, /* of the report itself */
    REPORTED_TASKS = 100,
};

static struct {
    const char *name, *hint;
    double seconds;
    pthread_t thread;
    pid_t process;
} watched;

/* ---- the tree ---- */

/* Whether `waiting` waits for the task's end, by its handle or in the block of its group. */
static bool waits_for(const struct task *waiting, const struct task *task)
{
    const struct wait *wait = waiting->wait;
    if (!wait)
        return false;
    return wait->awaits == task || (task->group && task->group->joiner == wait);
}

static bool is_awaited(const struct eddy_loop *loop, const struct task *task)
{
    for (struct link *link = loop->tasks.first; link; link = link->next)
        if (waits_for(container_of(link, struct task, in_loop), task))
            return true;
    return false;
}

static void print_task(const struct task *task, size_t depth)
{
    char text[320];
    (void)eddy_task_describe(task_handle(task), text, sizeof text);
    dprintf(STDERR_FILENO, "%*s%s\n", (int)(2 * depth + 2), "", text);
}

/* The task, and below it what it waits for. `budget` bounds circles, too. */
static void print_tree(const struct eddy_loop *loop, const struct task *task, size_t depth,
                       size_t *budget)
{
    if (*budget == 0)
        return;
    (*budget)--;
    print_task(task, depth);
    for (struct link *link = loop->tasks.first; link; link = link->next) {
        const struct task *other = container_of(link, struct task, in_loop);
        if (other != task && waits_for(task, other))
            print_tree(loop, other, depth + 1, budget);
    }
}

static void print_tasks(const struct eddy_loop *loop)
{
    size_t budget = REPORTED_TASKS, roots = 0;
    for (struct link *link = loop->tasks.first; link; link = link->next) {
        const struct task *task = container_of(link, struct task, in_loop);
        if (is_awaited(loop, task))
            continue;
        roots++;
        print_tree(loop, task, 0, &budget);
    }
    if (roots == 0 && loop->tasks.first) { /* they wait for each other */
        budget = loop->task_count < REPORTED_TASKS ? loop->task_count : REPORTED_TASKS;
        print_tree(loop, container_of(loop->tasks.first, struct task, in_loop), 0, &budget);
    }
}

/* ---- the alarm ---- */

static void on_alarm(int number)
{
    if (getpid() != watched.process) { /* a forked child has an alarm of its own */
        (void)signal(number, SIG_DFL);
        (void)raise(number);
        return;
    }
    if (!pthread_equal(pthread_self(), watched.thread)) { /* only that one knows its tasks */
        (void)pthread_kill(watched.thread, number);
        return;
    }
    sigset_t alarms;
    (void)sigemptyset(&alarms);
    (void)sigaddset(&alarms, number);
    (void)signal(number, SIG_DFL);
    (void)alarm(REPORT_PATIENCE);
    (void)pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);

    if (!loop_self && session_self)
        loop_self = session_self->loop; /* left for a job of a simulated pool */
    const struct eddy_loop *loop = loop_self;
    dprintf(STDERR_FILENO, "eddy-test: %s hangs: %g s have gone by; %s\n", watched.name,
            watched.seconds,
            loop ? "its tasks and what they wait for:" : "it is outside of any loop");
    if (loop)
        print_tasks(loop);
    if (watched.hint[0])
        dprintf(STDERR_FILENO, "eddy-test: again: %s\n", watched.hint);
    _exit(TEST_HANG_STATUS);
}

static void set_timer(double seconds)
{
    time_t whole = (time_t)seconds;
    struct itimerval timer = {
        .it_value = {.tv_sec = whole, .tv_usec = (suseconds_t)((seconds - (double)whole) * 1e6)}};
    (void)setitimer(ITIMER_REAL, &timer, NULL);
}

void test_hang_watch(const char *name, const char *hint, double seconds)
{
    watched.name = name;
    watched.hint = hint;
    watched.seconds = seconds > 0 ? seconds : PATIENCE;
    watched.thread = pthread_self();
    watched.process = getpid();
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_ONSTACK};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGALRM, &action, NULL);
    set_timer(watched.seconds);
}

void test_hang_over(void)
{
    set_timer(0);
}
