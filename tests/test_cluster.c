/* SPDX-License-Identifier: MIT */
/* Clusters: several loops on several threads, stopped by one handle, and what the failure of one
 * does. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <eddy/sweep.h>
#define TEST_DEFAULTS .real_system = true
#include "support/test.h"

/* Starting and ending threads holds the loop up, on a busy machine for long. */
#define CLUSTER_TEST(name) TEST_WITH(name, .virtual_clock = false, .slow_step = -1)

enum { LOOPS = 3 };

static atomic_int begun, ended, reports;

static void count_reports(void *context, const struct eddy_log_record *record)
{
    (void)context;
    if (record->level >= EDDY_LOG_WARNING)
        atomic_fetch_add(&reports, 1);
}

/* Three loops whose reports are counted. */
static struct eddy_cluster_options three(void)
{
    atomic_store(&begun, 0);
    atomic_store(&ended, 0);
    atomic_store(&reports, 0);
    return (struct eddy_cluster_options){
        .loops = LOOPS,
        .loop = {.log = count_reports, .slow_step = -1},
    };
}

static struct eddy_cluster_options three_restarted(size_t restarts, double delay)
{
    struct eddy_cluster_options options = three();
    options.policy = EDDY_CLUSTER_RESTART;
    options.restarts = restarts;
    options.restart_delay = delay;
    return options;
}

/* ---- life ---- */

static int sleeps_until_stopped(void)
{
    atomic_fetch_add(&begun, 1);
    int r = eddy_sleep(3600);
    atomic_fetch_add(&ended, 1);
    return r;
}

CLUSTER_TEST(all_have_begun_after_start_and_one_handle_stops_them)
{
    struct eddy_cluster_options options = three();
    eddy_cluster *cluster = eddy_cluster_start(&options, sleeps_until_stopped);
    CHECK(cluster);
    CHECK_INT(eddy_cluster_size(cluster), LOOPS);
    CHECK_INT(eddy_cluster_index(), -1);
    CHECK_INT(eddy_cluster_stop(cluster), 0);
    CHECK_INT(eddy_cluster_stop(cluster), 0);
    CHECK_INT(eddy_cluster_wait(cluster), 0); /* to be stopped is no failure */
    CHECK_INT(eddy_cluster_wait(cluster), 0);
    CHECK_INT(begun, ended);
    CHECK_INT(eddy_cluster_close(cluster), 0);
    CHECK_INT(reports, 0);
    return 0;
}

PLAIN_TEST(a_thread_without_a_loop_may_start_and_wait_and_close)
{
    struct eddy_cluster_options options = three();
    eddy_cluster *cluster = eddy_cluster_start(&options, sleeps_until_stopped);
    EXPECT(cluster);
    EXPECT_INT(eddy_cluster_stop(cluster), 0);
    EXPECT_INT(eddy_cluster_wait(cluster), 0);
    EXPECT_INT(eddy_cluster_close(cluster), 0);
    cluster = eddy_cluster_start(&options, sleeps_until_stopped);
    EXPECT_INT(eddy_cluster_close(cluster), 0); /* stops, too */
    EXPECT_INT(begun, ended);
    EXPECT_INT(eddy_cluster_close(NULL), 0);
}

PLAIN_TEST(by_default_there_is_a_loop_a_processor)
{
    eddy_cluster *cluster = eddy_cluster_start(NULL, sleeps_until_stopped);
    EXPECT(eddy_cluster_size(cluster) >= 1);
    EXPECT_INT(eddy_cluster_close(cluster), 0);
}

struct sums {
    int right;
    atomic_int *total;
};
static int sums(struct sums *a)
{
    a->right += eddy_cluster_index(); /* each has its own copy */
    int r = eddy_sleep(0.001);
    atomic_fetch_add(a->total, a->right);
    return r;
}

CLUSTER_TEST(each_loop_has_its_arguments_and_its_index)
{
    atomic_int total = 0;
    struct eddy_cluster_options options = three();
    eddy_cluster *cluster = eddy_cluster_start(&options, sums, .right = 100, .total = &total);
    CHECK_INT(eddy_cluster_wait(cluster), 0);
    CHECK_INT(total, 100 + 101 + 102);
    CHECK_INT(eddy_cluster_close(cluster), 0);
    return 0;
}

CLUSTER_TEST(a_cancelled_wait_leaves_the_loops_alone)
{
    struct eddy_cluster_options options = three();
    eddy_cluster *cluster = eddy_cluster_start(&options, sleeps_until_stopped);
    CHECK_INT(eddy_wait_for(eddy_cluster_wait(cluster), 0.01), -ETIMEDOUT);
    CHECK_INT(ended, 0);
    int err, closed = 1;
    eddy_with_timeout (0.001, &err) {
        CHECK_INT(eddy_sleep(1), -ECANCELED);
        closed = eddy_cluster_close(cluster); /* waits also here */
    }
    CHECK_INT(closed, 0);
    CHECK_INT(begun, ended);
    return 0;
}

struct waits_for_all {
    eddy_cluster *cluster;
};
static int waits_for_all(struct waits_for_all *a)
{
    return eddy_cluster_wait(a->cluster);
}

/* Two wait and are told of the same end; the close waits whatever comes. */
static int two_wait(void)
{
    struct eddy_cluster_options options = three();
    eddy_cluster *cluster = eddy_cluster_start(&options, sleeps_until_stopped);
    int err, r = 0;
    if (!cluster)
        return eddy_failure_code(eddy_last_failure());
    eddy_with_group (group, &err, .policy = EDDY_RUN_ALL) {
        for (int i = 0; i < 2; i++)
            eddy_spawn(group, waits_for_all, .cluster = cluster);
        r = eddy_sleep(1);
        EXPECT_INT(ended, 0); /* whatever became of the waits */
        EXPECT_INT(eddy_cluster_stop(cluster), 0);
    }
    EXPECT_INT(eddy_cluster_close(cluster), 0);
    return r < 0 ? r : err;
}

static int all_have_ended(void)
{
    return begun == ended && reports == 0 ? 0 : -EBADE;
}

PLAIN_TEST(swept_a_cancelled_wait_leaves_the_loops_and_the_close_waits_for_them)
{
    struct eddy_sweep_result result = {.points = 0};
    const struct eddy_sweep_options sweep = {
        .scenario = two_wait, .check = all_have_ended, .real = true};
    EXPECT_INT(eddy_sweep(&sweep, &result), 0);
    EXPECT(result.points >= 4);
    EXPECT_INT(result.missed, 0);
}

/* ---- failures ---- */

struct one_fails {
    int loop; /* that does, or -1 */
};
static int one_fails(struct one_fails *a)
{
    atomic_fetch_add(&begun, 1);
    if (eddy_cluster_index() == a->loop)
        return eddy_fail(-EIO, "loop %d has had enough", a->loop);
    int r = eddy_sleep(3600);
    atomic_fetch_add(&ended, 1);
    return r;
}

CLUSTER_TEST(a_failure_stops_all)
{
    struct eddy_cluster_options options = three();
    eddy_cluster *cluster = eddy_cluster_start(&options, one_fails, .loop = 1);
    CHECK_INT(eddy_cluster_wait(cluster), -EIO);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "loop 1 has had enough");
    eddy_failure_clear();
    CHECK_INT(reports, 1);
    CHECK_INT(eddy_cluster_close(cluster), 0);
    return 0;
}

CLUSTER_TEST(a_failure_leaves_the_others_if_they_are_to_go_on)
{
    struct eddy_cluster_options options = three();
    options.policy = EDDY_CLUSTER_GO_ON;
    eddy_cluster *cluster = eddy_cluster_start(&options, one_fails, .loop = 1);
    CHECK_INT(eddy_wait_for(eddy_cluster_wait(cluster), 0.05), -ETIMEDOUT);
    CHECK_INT(ended, 0);
    eddy_submission *gone;
    while ((gone = eddy_cluster_submit(cluster, 1, sleeps_until_stopped))) { /* not over yet */
        (void)eddy_submission_cancel(gone);
        eddy_submission_release(gone);
        CHECK_INT(eddy_sleep(0.001), 0);
    }
    CHECK_INT(eddy_failure_code(eddy_last_failure()), -ESRCH);
    CHECK_INT(eddy_cluster_stop(cluster), 0);
    CHECK_INT(eddy_cluster_wait(cluster), -EIO);
    eddy_failure_clear();
    CHECK_INT(eddy_cluster_close(cluster), 0);
    return 0;
}

static int fails_twice(void)
{
    if (eddy_cluster_index() == 2 && atomic_fetch_add(&begun, 1) < 2)
        return -EIO;
    int r = eddy_sleep(0.2);
    atomic_fetch_add(&ended, 1);
    return r;
}

CLUSTER_TEST(a_failed_loop_begins_anew)
{
    struct eddy_cluster_options options = three_restarted(2, 0.001);
    options.restart_seconds = 3600;
    eddy_cluster *cluster = eddy_cluster_start(&options, fails_twice);
    CHECK_INT(eddy_cluster_wait(cluster), 0);
    CHECK_INT(begun, 3);
    CHECK_INT(ended, 3);
    CHECK_INT(reports, 2);
    CHECK_INT(eddy_cluster_close(cluster), 0);
    return 0;
}

CLUSTER_TEST(beyond_the_limit_of_restarts_all_are_stopped)
{
    struct eddy_cluster_options options = three_restarted(3, 0.001);
    eddy_cluster *cluster = eddy_cluster_start(&options, one_fails, .loop = 0);
    CHECK_INT(eddy_cluster_wait(cluster), -EIO);
    eddy_failure_clear();
    CHECK_INT(reports, 4);
    CHECK_INT(begun - ended, 4);
    CHECK_INT(eddy_cluster_close(cluster), 0);
    return 0;
}

CLUSTER_TEST(a_stop_ends_the_pause_before_a_restart)
{
    struct eddy_cluster_options options = three_restarted(3, 3600);
    eddy_cluster *cluster = eddy_cluster_start(&options, one_fails, .loop = 0);
    CHECK_INT(eddy_sleep(0.01), 0);
    CHECK_INT(eddy_cluster_stop(cluster), 0);
    CHECK_INT(eddy_cluster_wait(cluster), 0);
    CHECK_INT(eddy_cluster_close(cluster), 0);
    return 0;
}

/* ---- from loop to loop ---- */

static int tells_its_loop(void)
{
    int r = eddy_sleep(0.001);
    return r < 0 ? r : 10 + eddy_cluster_index();
}

CLUSTER_TEST(rule_246_tasks_are_submitted_to_each_loop_and_awaited_here)
{
    struct eddy_cluster_options options = three();
    eddy_cluster *cluster = eddy_cluster_start(&options, sleeps_until_stopped);
    eddy_submission *submissions[LOOPS];
    for (size_t i = 0; i < LOOPS; i++)
        submissions[i] = eddy_cluster_submit(cluster, i, tells_its_loop);
    for (int i = 0; i < LOOPS; i++) {
        CHECK_INT(eddy_submission_await(submissions[i]), 10 + i);
        eddy_submission_release(submissions[i]);
    }
    CHECK(!eddy_cluster_submit(cluster, LOOPS, tells_its_loop));
    CHECK_REPORT(EDDY_LOG_MISUSE, "no such loop");
    CHECK_INT(eddy_cluster_close(cluster), 0);
    return 0;
}

struct stops_all_from_inside {
    eddy_cluster **cluster;
};
static int stops_all_from_inside(struct stops_all_from_inside *a)
{
    EXPECT_INT(eddy_cluster_wait(*a->cluster), -EDEADLK);
    EXPECT_INT(eddy_cluster_close(*a->cluster), -EDEADLK);
    return eddy_cluster_stop(*a->cluster);
}

CLUSTER_TEST(one_of_the_loops_may_stop_them_but_not_wait)
{
    struct eddy_cluster_options options = three();
    eddy_cluster *cluster = eddy_cluster_start(&options, sleeps_until_stopped);
    eddy_submission *visit = eddy_cluster_submit(cluster, 1, stops_all_from_inside,
                                                 .cluster = &cluster);
    CHECK_INT(eddy_submission_await(visit), 0);
    eddy_submission_release(visit);
    CHECK_INT(eddy_cluster_wait(cluster), 0);
    CHECK_INT(eddy_cluster_close(cluster), 0);
    CHECK_INT(reports, 2);
    return 0;
}

/* ---- a port for all ---- */

static atomic_int served[LOOPS];

static int answers_with_its_loop(eddy_stream *stream, void *context)
{
    char text[] = "0\n";
    (void)context;
    atomic_fetch_add(&served[eddy_cluster_index()], 1);
    text[0] = (char)('0' + eddy_cluster_index());
    return (int)eddy_stream_write(stream, text, 2);
}

struct serves {
    int port;
    eddy_channel *ready;
};
static int serves(struct serves *a)
{
    struct eddy_serve_options options = {.reuse_port = true};
    eddy_server *server;
    int r = eddy_serve("127.0.0.1", a->port, answers_with_its_loop, NULL, &options, &server);
    if (r < 0)
        return r;
    r = eddy_channel_put(a->ready, &a->port);
    if (r == 0)
        r = eddy_sleep(3600);
    eddy_server_close(server);
    return r;
}

/* A port that is free, kept so by a socket that is bound to it and doesn't listen. */
static int reserve_port(int *descriptor)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_INT(setsockopt(*descriptor, SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int)), 0);
    EXPECT_INT(bind(*descriptor, (struct sockaddr *)&address, size), 0);
    EXPECT_INT(getsockname(*descriptor, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

CLUSTER_TEST(the_system_shares_out_the_connections_to_a_port)
{
    struct eddy_cluster_options options = three();
    int reserved, port = reserve_port(&reserved), item, all = 0, loops = 0;
    memset(served, 0, sizeof served);
    eddy_channel *ready = eddy_channel_new(sizeof(int), LOOPS);
    eddy_cluster *cluster = eddy_cluster_start(&options, serves, .port = port, .ready = ready);
    for (int i = 0; i < LOOPS; i++)
        CHECK_INT(eddy_channel_get(ready, &item), 0);
    for (int i = 0; i < 60; i++) {
        char line[8];
        eddy_stream *stream;
        CHECK_INT(eddy_connect("127.0.0.1", port, &stream), 0);
        CHECK_INT(eddy_stream_read_line(stream, line, sizeof line), 2);
        eddy_stream_close(stream);
    }
    CHECK_INT(eddy_cluster_close(cluster), 0);
    for (int i = 0; i < LOOPS; i++) {
        all += served[i];
        loops += served[i] > 0;
    }
    CHECK_INT(all, 60);
    CHECK(loops >= 2); /* all three, but for a chance of a billionth */
    eddy_channel_release(ready);
    (void)close(reserved);
    return 0;
}

/* ---- what can't be ---- */

TEST(options_that_do_not_go_together_are_refused)
{
    const struct {
        struct eddy_cluster_options options;
        const char *why;
    } wrong[] = {
        {{.policy = (enum eddy_cluster_policy)7}, "an unknown policy"},
        {{.loops = 1025}, "more than 1024 loops"},
        {{.policy = EDDY_CLUSTER_RESTART}, "needs .restarts"},
        {{.restarts = 1}, "are for EDDY_CLUSTER_RESTART"},
        {{.restart_delay = 1}, "are for EDDY_CLUSTER_RESTART"},
        {{.policy = EDDY_CLUSTER_RESTART, .restarts = 70000}, "more than 65,536"},
        {{.policy = EDDY_CLUSTER_RESTART, .restarts = 1, .restart_seconds = -1}, "is negative"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK(!eddy_cluster_start(&wrong[i].options, sleeps_until_stopped));
        CHECK_REPORT(EDDY_LOG_MISUSE, wrong[i].why);
    }
    CHECK_INT(eddy_cluster_stop(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the cluster is NULL");
    CHECK_INT(eddy_cluster_wait(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the cluster is NULL");
    CHECK_INT(eddy_cluster_size(NULL), 0);
    return 0;
}

PLAIN_TEST(loops_that_can_not_be_made_are_told_at_the_start)
{
    struct eddy_cluster_options options = three();
    options.loop.stack_size = 1;
    EXPECT(!eddy_cluster_start(&options, sleeps_until_stopped));
    EXPECT_INT(eddy_failure_code(eddy_last_failure()), -EINVAL);
    EXPECT_CONTAINS(eddy_failure_message(eddy_last_failure()),
                    "a loop can't be made: a stack size");
    eddy_failure_clear();
}
