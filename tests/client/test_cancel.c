/* SPDX-License-Identifier: MIT */
/* Cancelling, closing and ending at every stage: the server sees the connection close, nothing is
 * left behind. */
#include <unistd.h>
#include "harness.h"

static int seen_closing; /* answers that saw their client close in time */

static void answer_silence(struct connection *c, const struct message *m)
{
    (void)m;
    if (server_client_closed(c))
        __atomic_add_fetch(&seen_closing, 1, __ATOMIC_SEQ_CST);
}

static void answer_half(struct connection *c, const struct message *m)
{
    (void)server_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    answer_silence(c, m);
}

static void answer_half_header(struct connection *c, const struct message *m)
{
    (void)server_say(c, "HTTP/1.1 200 OK\r\nContent-Le");
    answer_silence(c, m);
}

static void answer_redirect(struct connection *c, const struct message *m)
{
    (void)m;
    (void)server_say(c, "HTTP/1.1 302 Found\r\nLocation: /silence\r\nContent-Length: 0\r\n\r\n");
}

static void answer_slow_redirect(struct connection *c, const struct message *m)
{
    (void)server_say(c, "HTTP/1.1 302 Found\r\nLocation: /quick\r\nContent-Length: 9\r\n\r\n");
    answer_silence(c, m);
}

static void answer_endless(struct connection *c, const struct message *m)
{
    static char block[4096];
    (void)m;
    (void)server_say(c, "HTTP/1.1 200 OK\r\n\r\n");
    while (server_send(c, block, sizeof block))
        (void)usleep(1000); /* slow enough not to reach a limit meanwhile */
    __atomic_add_fetch(&seen_closing, 1, __ATOMIC_SEQ_CST);
    server_hang_up(c, false);
}

static void answer_quick(struct connection *c, const struct message *m)
{
    (void)m;
    (void)server_reply(c, "quick");
}

static const struct server_path paths[] = {
    {"/silence", answer_silence},    {"/header", answer_half_header},
    {"/half", answer_half},          {"/redirect", answer_redirect},
    {"/slow", answer_slow_redirect}, {"/endless", answer_endless},
    {"/quick", answer_quick},        {NULL, NULL},
};

static int closings(void)
{
    return __atomic_load_n(&seen_closing, __ATOMIC_SEQ_CST);
}

struct fetch {
    eddy_http_session *session;
    const char *url;
    char **text;
};
static int fetch(struct fetch *a)
{
    eddy_http_response *response;
    int r = eddy_http_get(a->session, a->url, &response);
    if (r < 0)
        return r;
    char *text;
    r = eddy_http_read_all(response, &text, NULL);
    if (r == 0)
        *a->text = text;
    eddy_http_close(response);
    return r;
}

CLIENT_TEST(at_every_stage)
{
    static const char *const stages[] = {"/silence",  "/header", "/half",
                                         "/redirect", "/slow",   "/endless"};
    eddy_http_session *session = session_with();
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        int before = closings();
        int requests = server_requests(harness_server) + (strcmp(stages[i], "/redirect") == 0);
        char *text = NULL;
        eddy_task *task = eddy_create_task(fetch, .session = session, .url = at(stages[i]),
                                           .text = &text);
        eventually(server_requests(harness_server) > requests);
        assert_int_equal(eddy_sleep(0.05), 0);
        if (!eddy_task_cancel(task))
            fail_msg("%s ended: %s, %s", stages[i], eddy_error_name(eddy_await(task)),
                     eddy_failure_message(eddy_last_failure()));
        assert_int_equal(eddy_await(task), -ECANCELED);
        assert_true(eddy_task_cancelled(task));
        assert_int_equal(eddy_task_release(task), 0);
        assert_null(text);
        eventually(closings() == before + 1);
        text = get_text(session, at("/quick"), NULL); /* the session is as good as before */
        free(text);
    }
    eddy_http_session_close(session);
    return 0;
}

/* Cancelled before it ran: nothing was sent. */
CLIENT_TEST(before_the_start)
{
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    int err;
    eddy_with_timeout (0, &err) {
        int r = eddy_http_get(session, at("/quick"), &response);
        assert_int_equal(r, -ECANCELED);
    }
    assert_int_equal(err, -ETIMEDOUT);
    assert_int_equal(eddy_sleep(0.02), 0);
    assert_int_equal(server_accepted(harness_server), 0);
    eddy_http_session_close(session);
    return 0;
}

/* What is here already can be had in a cancelled scope, and the response stays good after it. */
CLIENT_TEST(reads_in_cancelled_scope)
{
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    char buffer[10];
    int err;
    assert_int_equal(eddy_http_get(session, at("/half"), &response), 0);
    assert_int_equal(eddy_sleep(0.02), 0);
    eddy_with_timeout (0, &err) {
        assert_int_equal(eddy_sleep(1), -ECANCELED);
        assert_int_equal(eddy_http_read_chunk(response, buffer, 3), 3);
        assert_int_equal(eddy_http_read_chunk(response, buffer, 3), 1);
        assert_int_equal(eddy_http_read_chunk(response, buffer, 3), -ECANCELED);
    }
    assert_int_equal(eddy_wait_for((int)eddy_http_read_chunk(response, buffer, 3), 0.01),
                     -ETIMEDOUT);
    eddy_http_close(response);
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(many_at_once)
{
    eddy_http_session *session = session_with(.max_connections = 8);
    char *text = NULL;
    int err;
    eddy_with_timeout (0.1, &err)
        eddy_with_group (group, NULL)
            for (int i = 0; i < 50; i++)
                eddy_spawn(group, fetch, .session = session,
                           .url = at(i % 2 ? "/silence" : "/endless"), .text = &text);
    assert_int_equal(err, -ETIMEDOUT);
    eventually(server_open(harness_server) == 0);
    eddy_http_session_close(session);
    return 0;
}

struct read_on {
    eddy_http_response *response;
};
static int read_on(struct read_on *a)
{
    char buffer[100];
    ssize_t n;
    while ((n = eddy_http_read_chunk(a->response, buffer, sizeof buffer)) > 0) {}
    return (int)n;
}

CLIENT_TEST(closed_under_a_reader)
{
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    assert_int_equal(eddy_http_get(session, at("/half"), &response), 0);
    eddy_task *one = eddy_create_task(read_on, .response = response);
    eddy_task *two = eddy_create_task(read_on, .response = response);
    assert_int_equal(eddy_sleep(0.02), 0);
    eddy_http_close(response);
    assert_int_equal(eddy_await(one), -ECONNABORTED);
    assert_says("another task closed the response");
    assert_int_equal(eddy_await(two), -ECONNABORTED);
    assert_int_equal(eddy_task_release(one), 0);
    assert_int_equal(eddy_task_release(two), 0);
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(closed_before_the_end)
{
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    int before = closings();
    assert_int_equal(eddy_http_get(session, at("/endless"), &response), 0);
    eddy_http_close(response);
    eventually(closings() == before + 1);
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(session_closed_with_all_open)
{
    eddy_http_session *session = session_with(.max_connections = 3);
    eddy_http_response *half, *endless;
    char buffer[100], *text = NULL;
    assert_int_equal(eddy_http_get(session, at("/half"), &half), 0);
    assert_int_equal(eddy_http_get(session, at("/endless"), &endless), 0);
    eddy_task *reader = eddy_create_task(read_on, .response = half);
    eddy_task *silent = eddy_create_task(fetch, .session = session, .url = at("/silence"),
                                         .text = &text);
    eddy_task *queued = eddy_create_task(fetch, .session = session, .url = at("/quick"),
                                         .text = &text);
    assert_int_equal(eddy_sleep(0.05), 0);
    eddy_task *fresh = eddy_create_task(fetch, .session = session, .url = at("/quick"),
                                        .text = &text);
    eddy_http_session_close(session);
    assert_int_equal(eddy_await(reader), -ESHUTDOWN);
    assert_int_equal(eddy_await(silent), -ESHUTDOWN);
    assert_says("/silence: the session was closed");
    assert_int_equal(eddy_await(queued), -ESHUTDOWN);
    assert_int_equal(eddy_await(fresh), -EINVAL);
    assert_int_equal(eddy_http_status(endless), 200);
    ssize_t n;
    while ((n = eddy_http_read_chunk(endless, buffer, sizeof buffer)) > 0) {}
    assert_int_equal(n, -ESHUTDOWN);
    eddy_http_close(endless);
    eddy_http_close(half);
    eddy_task *all[] = {reader, silent, queued, fresh};
    for (int i = 0; i < 4; i++)
        assert_int_equal(eddy_task_release(all[i]), 0);
    return 0;
}

/* Closed in the very turn in which the headers of a redirect arrived. */
CLIENT_TEST(session_closed_at_a_redirect)
{
    for (int turns = 0; turns < 40; turns++) {
        eddy_http_session *session = session_with();
        char *text = NULL;
        eddy_task *task = eddy_create_task(fetch, .session = session, .url = at("/redirect"),
                                           .text = &text);
        double until = eddy_time() + turns * 0.0002;
        while (eddy_time() < until)
            assert_int_equal(eddy_sleep(0), 0);
        eddy_http_session_close(session);
        int r = eddy_await(task);
        assert_true(r == -ESHUTDOWN || r == -EINVAL);
        assert_int_equal(eddy_task_release(task), 0);
    }
    return 0;
}

static eddy_http_session *left_open;
static eddy_http_response *left_response;

CLIENT_TEST(closed_in_cancelled_scope)
{
    eddy_http_session *session = session_with();
    int err;
    free(get_text(session, at("/quick"), NULL));
    eddy_with_timeout (0, &err) {
        assert_int_equal(eddy_sleep(1), -ECANCELED);
        eddy_http_session_close(session);
    }
    assert_int_equal(err, -ETIMEDOUT);
    return 0;
}

static void close_session(void *argument)
{
    eddy_http_session_close(argument);
}

CLIENT_TEST(closed_in_a_callback)
{
    eddy_http_session *session = session_with();
    free(get_text(session, at("/quick"), NULL));
    assert_non_null(eddy_call_soon(close_session, session));
    assert_int_equal(eddy_sleep(0.01), 0);
    return 0;
}

static int leave_open(void)
{
    left_open = session_with();
    assert_int_equal(eddy_http_get(left_open, at("/endless"), &left_response), 0);
    return 0;
}

static void closed_after_the_loop(void **state)
{
    (void)state;
    for (int response_first = 0; response_first < 2; response_first++) {
        int before = open_descriptors();
        assert_int_equal(eddy_run(leave_open), 0);
        if (response_first)
            eddy_http_close(left_response);
        eddy_http_session_close(left_open);
        if (!response_first)
            eddy_http_close(left_response);
        for (int i = 0; server_open(harness_server) && i < 500; i++)
            usleep(10000);
        assert_int_equal(open_descriptors(), before);
    }
}

/* getaddrinfo can't be interrupted; the task needn't wait for it. */
CLIENT_TEST(during_a_look_up)
{
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    double began = eddy_time();
    assert_int_equal(
        eddy_wait_for(eddy_http_get(session, at_host("slow.test", "/quick"), &response), 0.05),
        -ETIMEDOUT);
    struct eddy_http_request_options request = {.url = at_host("slow.test", "/quick"),
                                                .timeout = 0.05};
    assert_int_equal(eddy_http_request(session, &request, &response), -ETIMEDOUT);
    free(get_text(session, at("/quick"), NULL));
    eddy_http_session_close(session);
    assert_true(eddy_time() - began < 1.9);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_every_stage),
        cmocka_unit_test(before_the_start),
        cmocka_unit_test(reads_in_cancelled_scope),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(closed_under_a_reader),
        cmocka_unit_test(closed_before_the_end),
        cmocka_unit_test(session_closed_with_all_open),
        cmocka_unit_test(session_closed_at_a_redirect),
        cmocka_unit_test(closed_in_cancelled_scope),
        cmocka_unit_test(closed_in_a_callback),
        cmocka_unit_test(closed_after_the_loop),
        cmocka_unit_test(during_a_look_up),
    };
    return HARNESS_MAIN(paths, tests);
}
