/* SPDX-License-Identifier: MIT */
/* Signals: handlers as callbacks, who owns them, storms, forks. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include "signal_handlers.h"

/* ---- handlers ---- */

static void suspends_not_but_spawns(void *argument)
{
    EXPECT(eddy_current_loop());
    EXPECT(!eddy_current_task()); /* a callback like any other: it may do all that one may */
    eddy_event_set(argument);
}

TEST(rule_235_the_handler_is_an_ordinary_callback_and_ends_the_wait)
{
    static eddy_event came; /* the handler may outlive the task */
    eddy_event_clear(&came);
    CHECK_INT(eddy_add_signal_handler(SIGTERM, suspends_not_but_spawns, &came), 0);
    CHECK_INT(raise(SIGTERM), 0);
    CHECK(!eddy_event_is_set(&came)); /* not in signal context */
    CHECK_INT(eddy_event_wait(&came), 0);
    CHECK(eddy_remove_signal_handler(SIGTERM));
    return 0;
}

TEST(rule_236_the_argument_is_passed_and_a_second_add_replaces)
{
    CHECK_INT(eddy_add_signal_handler(SIGTERM, note_text, "one"), 0);
    CHECK_INT(raise(SIGTERM), 0);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_NOTES("one");
    CHECK_INT(raise(SIGTERM), 0); /* not lost: the replacement gets it */
    CHECK_INT(eddy_add_signal_handler(SIGTERM, note_text, "two"), 0);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_NOTES("two");
    CHECK(eddy_remove_signal_handler(SIGTERM));
    return 0;
}

TEST(rule_237_what_can_not_be_handled_is_refused_and_said)
{
    const struct {
        int number;
        const char *why;
    } wrong[] = {{0, "isn't a signal"},
                 {-1, "isn't a signal"},
                 {65, "isn't a signal"},
                 {SIGKILL, "can't be caught"},
                 {SIGSTOP, "9 can't be caught"},
                 {SIGSEGV, "a fault of the program"},
                 {SIGFPE, "a fault of the program"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        EXPECT_INT(eddy_add_signal_handler(wrong[i].number, note_text, ""), -EINVAL);
        EXPECT_REPORT(EDDY_LOG_MISUSE, wrong[i].why);
        EXPECT(!eddy_remove_signal_handler(wrong[i].number));
        eddy_signals *signals = NULL;
        EXPECT_INT(eddy_signals_open(&signals, SIGTERM, wrong[i].number), -EINVAL);
        EXPECT_REPORT(EDDY_LOG_MISUSE, wrong[i].why);
        EXPECT(!signals);
    }
    CHECK(now_at(SIGTERM) == SIG_DFL);
    CHECK_INT(eddy_add_signal_handler(SIGTERM, NULL, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the callback is NULL");
    CHECK_INT(eddy_add_signal_handler(32, note_text, ""), -EINVAL); /* the C library's own */
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "can't be caught");
    return 0;
}

PLAIN_TEST(rule_237_outside_a_loop_there_is_nobody_to_own_a_signal)
{
    eddy_signals *signals;
    test_stderr_begin();
    EXPECT_INT(eddy_add_signal_handler(SIGTERM, note_text, ""), -EINVAL);
    EXPECT_INT(eddy_signals_open(&signals, SIGTERM), -EINVAL);
    const char *said = test_stderr_end();
    EXPECT_CONTAINS(said, "eddy_add_signal_handler: called outside a loop");
    EXPECT_CONTAINS(said, "eddy_signals_open: called outside a loop");
    EXPECT(!eddy_remove_signal_handler(SIGTERM));
    eddy_signals_close(NULL);
}

static void own_handler(int number)
{
    (void)number;
}

TEST(rule_238_removing_puts_back_what_was_there_and_tells_whether_there_was_one)
{
    struct sigaction own = {.sa_handler = own_handler}, before;
    CHECK_INT(sigaction(SIGHUP, &own, &before), 0);
    CHECK(!eddy_remove_signal_handler(SIGHUP));
    CHECK_INT(eddy_add_signal_handler(SIGHUP, note_text, "hup"), 0);
    CHECK_INT(eddy_add_signal_handler(SIGTERM, note_text, "term"), 0);
    CHECK(now_at(SIGHUP) != own_handler);
    CHECK_INT(raise(SIGHUP), 0);
    CHECK(eddy_remove_signal_handler(SIGHUP)); /* before it ran: it never does */
    CHECK(eddy_remove_signal_handler(SIGTERM));
    CHECK(!eddy_remove_signal_handler(SIGTERM));
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_NOTES("");
    CHECK(now_at(SIGHUP) == own_handler);
    CHECK(now_at(SIGTERM) == SIG_DFL);
    CHECK_INT(sigaction(SIGHUP, &before, NULL), 0);
    return 0;
}

TEST(what_the_program_has_put_in_since_is_left_alone)
{
    CHECK_INT(eddy_add_signal_handler(SIGHUP, note_text, ""), 0);
    CHECK(signal(SIGHUP, own_handler) != SIG_ERR);
    CHECK(eddy_remove_signal_handler(SIGHUP));
    CHECK(now_at(SIGHUP) == own_handler);
    CHECK(signal(SIGHUP, SIG_DFL) == own_handler);
    return 0;
}

static int takes_SIGINT(void)
{
    disposition *of_the_run = now_at(SIGINT);
    CHECK(of_the_run != SIG_DFL);
    CHECK_INT(eddy_add_signal_handler(SIGINT, note_text, "int"), 0);
    CHECK_INT(raise(SIGINT), 0);
    CHECK_INT(eddy_sleep(1), 0); /* not cancelled */
    CHECK_NOTES("int");
    CHECK(eddy_remove_signal_handler(SIGINT));
    CHECK(now_at(SIGINT) == of_the_run);
    return 0;
}

PLAIN_TEST(rule_238_SIGINT_goes_back_to_the_run)
{
    EXPECT_INT(test_run(takes_SIGINT), 0);
    EXPECT(now_at(SIGINT) == SIG_DFL);
}

static int keeps_SIGINT(void)
{
    return eddy_add_signal_handler(SIGINT, note_text, "int");
}

static int turns_once(void)
{
    return eddy_sleep(1);
}

PLAIN_TEST(a_runners_handlers_stay_between_its_runs)
{
    struct eddy_options options = {.virtual_clock = true};
    eddy_runner runner;
    EXPECT_INT(eddy_runner_open(&runner, &options), 0);
    EXPECT_INT(eddy_runner_run(&runner, keeps_SIGINT), 0);
    EXPECT_INT(raise(SIGINT), 0); /* nobody dies of it */
    EXPECT_INT(eddy_runner_run(&runner, turns_once), 0);
    EXPECT_NOTES("int"); /* and it is not forgotten */
    EXPECT(now_at(SIGINT) != SIG_DFL);
    EXPECT_INT(eddy_runner_close(&runner), 0);
    EXPECT(now_at(SIGINT) == SIG_DFL);
}

static int leaves_all_open(void)
{
    eddy_signals *signals;
    CHECK_INT(eddy_add_signal_handler(SIGTERM, note_text, "late"), 0);
    CHECK_INT(eddy_signals_open(&signals, SIGHUP, SIGTERM), 0);
    CHECK_INT(raise(SIGTERM), 0);
    return 0;
}

PLAIN_TEST(rule_239_the_end_of_the_loop_removes_all)
{
    EXPECT_INT(test_run(leaves_all_open), 0);
    EXPECT(now_at(SIGTERM) == SIG_DFL);
    EXPECT(now_at(SIGHUP) == SIG_DFL);
}

/* ---- forks ---- */

static int forks_with_a_handler(void)
{
    CHECK_INT(eddy_add_signal_handler(SIGTERM, note_text, "parent"), 0);
    pid_t child = fork();
    if (child == 0) {
        sigset_t blocked;
        (void)pthread_sigmask(SIG_SETMASK, NULL, &blocked);
        if (sigismember(&blocked, SIGTERM))
            _exit(1);
        (void)raise(SIGTERM); /* ends it: the handler is the parent's */
        _exit(2);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_NOTES("");
    CHECK_INT(raise(SIGTERM), 0); /* and the parent still has it */
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_NOTES("parent");
    return 0;
}

REAL_PLAIN_TEST(rule_240_a_child_of_fork_has_none_of_the_handlers)
{
    EXPECT_INT(test_run(forks_with_a_handler), 0);
    EXPECT(now_at(SIGTERM) == SIG_DFL);
}

/* ---- threads ---- */

struct thread_of_a_loop {
    int (*function)(void);
    int result;
};

static void *runs_a_loop(void *argument)
{
    struct thread_of_a_loop *thread = argument;
    thread->result = test_run(thread->function);
    return NULL;
}

static int wants_the_same(void)
{
    eddy_signals *signals;
    CHECK_INT(eddy_add_signal_handler(SIGTERM, note_text, ""), -EBUSY);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "belongs to another loop");
    CHECK_INT(eddy_signals_open(&signals, SIGHUP, SIGTERM), -EBUSY);
    CHECK(now_at(SIGHUP) == SIG_DFL);
    CHECK_INT(eddy_signals_open(&signals, SIGHUP), 0); /* not the main thread's alone */
    CHECK_INT(raise(SIGHUP), 0);
    CHECK_INT(eddy_signals_next(signals, NULL), SIGHUP);
    eddy_signals_close(signals);
    eddy_failure_clear();
    return 0;
}

REAL_TEST(another_loop_is_refused_while_this_one_owns_the_signal)
{
    CHECK_INT(eddy_add_signal_handler(SIGTERM, note_text, ""), 0);
    struct thread_of_a_loop thread = {.function = wants_the_same};
    pthread_t other;
    CHECK_INT(pthread_create(&other, NULL, runs_a_loop, &thread), 0);
    CHECK_INT(pthread_join(other, NULL), 0);
    CHECK_INT(thread.result, 0);
    CHECK(eddy_remove_signal_handler(SIGTERM));
    return 0;
}

enum { STORM = TEST_FEW_TASKS ? 1000 : 10000 };

static void *storms(void *argument)
{
    for (int i = 0; i < STORM; i++) {
        (void)kill(getpid(), SIGHUP);
        if (i % 100 == 99)
            (void)usleep(1000);
    }
    (void)kill(getpid(), SIGTERM);
    return argument;
}

REAL_TEST(ten_thousand_signals_a_second_from_another_thread_and_the_loop_goes_on)
{
    eddy_signals *signals;
    size_t count = 0, told = 0;
    int number, naps = 0;
    CHECK_INT(eddy_signals_open(&signals, SIGHUP, SIGTERM), 0);
    pthread_t other;
    CHECK_INT(pthread_create(&other, NULL, storms, NULL), 0);
    while ((number = eddy_signals_next(signals, &count)) == SIGHUP) {
        told += count;
        if (naps++ < 1000)
            CHECK_INT(eddy_sleep(0), 0);
    }
    CHECK_INT(number, SIGTERM);
    CHECK_INT(pthread_join(other, NULL), 0);
    CHECK(told > 0 && told <= STORM); /* the system itself makes one of several */
    eddy_signals_close(signals);
    return 0;
}

TEST(none_of_ten_thousand_on_the_loops_own_thread_is_uncounted)
{
    eddy_signals *signals;
    size_t count = 0;
    CHECK_INT(eddy_signals_open(&signals, SIGHUP), 0);
    CHECK_INT(eddy_add_signal_handler(SIGHUP, note_text, "once"), 0);
    for (int i = 0; i < STORM; i++)
        EXPECT_INT(raise(SIGHUP), 0);
    CHECK_INT(eddy_signals_next(signals, &count), SIGHUP);
    CHECK_INT(count, STORM);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_NOTES("once");
    CHECK(eddy_remove_signal_handler(SIGHUP));
    eddy_signals_close(signals);
    return 0;
}

static void *sends_one_a_little_later(void *argument)
{
    (void)usleep(20000);
    (void)kill(getpid(), SIGHUP);
    return argument;
}

static int sleeps_until_a_signal(void)
{
    eddy_signals *signals;
    pthread_t other;
    CHECK_INT(eddy_signals_open(&signals, SIGHUP), 0);
    CHECK_INT(pthread_create(&other, NULL, sends_one_a_little_later, NULL), 0);
    CHECK_INT(eddy_signals_next(signals, NULL), SIGHUP); /* no report of a deadlock meanwhile */
    CHECK_INT(pthread_join(other, NULL), 0);
    eddy_signals_close(signals);
    return 0;
}

REAL_PLAIN_TEST(rule_235_a_signal_to_the_process_wakes_a_sleeping_loop)
{
    EXPECT_INT(test_run_with(sleeps_until_a_signal, (struct eddy_options){.quiet = true}), 0);
}

/* Loops come and go while signals come in: none finds a loop that has gone. */
static int takes_a_few(void)
{
    eddy_signals *signals;
    CHECK_INT(eddy_signals_open(&signals, SIGHUP), 0);
    for (int i = 0; i < 20; i++)
        CHECK_INT(eddy_signals_next(signals, NULL), SIGHUP);
    return 0;
}

static atomic_bool enough;

static void *sends_until_enough(void *argument)
{
    while (!atomic_load(&enough)) {
        (void)kill(getpid(), SIGHUP);
        (void)sched_yield();
    }
    return argument;
}

REAL_PLAIN_TEST(loops_end_under_fire)
{
    disposition *before = signal(SIGHUP, own_handler);
    pthread_t others[2];
    atomic_store(&enough, false);
    for (int i = 0; i < 2; i++)
        EXPECT_INT(pthread_create(&others[i], NULL, sends_until_enough, NULL), 0);
    for (int i = 0; i < 20; i++)
        EXPECT_INT(test_run_with(takes_a_few, (struct eddy_options){.quiet = true}), 0);
    atomic_store(&enough, true);
    for (int i = 0; i < 2; i++)
        EXPECT_INT(pthread_join(others[i], NULL), 0);
    EXPECT(signal(SIGHUP, before) == own_handler);
}
