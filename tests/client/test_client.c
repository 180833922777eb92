/* SPDX-License-Identifier: MIT */
/* Requests and responses when all goes well: methods, headers, bodies, reuse, concurrency. */
#include <stdio.h>
#include <unistd.h>
#include "harness.h"

static void answer_echo(struct connection *c, const struct message *m)
{
    char method[sizeof m->method]; /* gcc 12 under UBSan takes m->method for NULL */
    memcpy(method, m->method, sizeof method);
    (void)server_say(c, "HTTP/1.1 200 OK\r\nX-Method: %s\r\nContent-Length: %zu\r\n\r\n", method,
                     strcmp(method, "HEAD") == 0 ? 5 : m->body_size);
    if (strcmp(method, "HEAD") != 0)
        (void)server_send(c, m->body, m->body_size);
}

static void answer_head(struct connection *c, const struct message *m)
{
    (void)server_reply(c, m->head);
}

static void answer_count(struct connection *c, const struct message *m)
{
    (void)m;
    (void)server_reply(c, "counted");
}

static bool go_on; /* the test has read the first byte */

static void answer_in_two(struct connection *c, const struct message *m)
{
    (void)m;
    (void)server_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nX-Early: yes\r\n\r\n0");
    for (int i = 0; i < 1000 && !__atomic_load_n(&go_on, __ATOMIC_SEQ_CST); i++)
        (void)usleep(10000);
    (void)server_say(c, "123456789");
}

static void answer_wait(struct connection *c, const struct message *m)
{
    (void)m;
    (void)usleep(30000);
    (void)server_reply(c, "waited");
}

static void answer_many(struct connection *c, const struct message *m)
{
    (void)m;
    (void)server_say(c, "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nX-Empty:\r\n"
                        "X-Blank:   spaced out \t\r\nContent-Length: 0\r\n\r\n");
}

static void answer_big(struct connection *c, const struct message *m)
{
    static char block[100000];
    (void)m;
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (char)(i * 31 % 251);
    (void)server_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n");
    for (int i = 0; i < 100; i++)
        if (!server_send(c, block, sizeof block))
            return;
}

static void answer_close(struct connection *c, const struct message *m)
{
    (void)m;
    (void)server_say(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbye");
    server_hang_up(c, false);
}

static void answer_then_die(struct connection *c, const struct message *m)
{
    (void)m;
    (void)server_reply(c, "kept?"); /* promises to keep the connection, and doesn't */
    server_hang_up(c, false);
}

static const struct server_path paths[] = {
    {"/echo", answer_echo},    {"/head", answer_head},
    {"/count", answer_count},  {"/two", answer_in_two},
    {"/wait", answer_wait},    {"/many", answer_many},
    {"/big", answer_big},      {"/close", answer_close},
    {"/die", answer_then_die}, {NULL, NULL},
};

CLIENT_TEST(get_whole)
{
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    char *text;
    size_t size;
    assert_int_equal(eddy_http_get(session, at("/count?x=1#part"), &response), 0);
    assert_int_equal(eddy_http_status(response), 200);
    assert_string_equal(eddy_http_url(response), at("/count?x=1"));
    assert_int_equal(eddy_http_raise_for_status(response), 0);
    assert_string_equal(eddy_http_header(response, "CONTENT-length"), "7");
    assert_int_equal(eddy_http_content_length(response), 7);
    assert_null(eddy_http_header(response, "content-type"));
    assert_int_equal(eddy_http_read_all(response, &text, &size), 0);
    assert_int_equal(size, 7);
    assert_string_equal(text, "counted");
    free(text);
    /* At the end it stays at the end. */
    assert_int_equal(eddy_http_read_chunk(response, &size, sizeof size), 0);
    assert_int_equal(eddy_http_read_all(response, &text, &size), 0);
    assert_int_equal(size, 0);
    free(text);
    eddy_http_close(response);
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(get_chunks)
{
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    char chunk[EDDY_HTTP_CHUNK];
    ssize_t n;
    size_t total = 0;
    assert_int_equal(eddy_http_get(session, at("/big"), &response), 0);
    while ((n = eddy_http_read_chunk(response, chunk, sizeof chunk)) > 0)
        for (ssize_t i = 0; i < n; i++, total++)
            if (chunk[i] != (char)(total % 100000 * 31 % 251))
                fail_msg("byte %zu differs", total);
    assert_int_equal(n, 0);
    assert_int_equal(total, 10000000);
    eddy_http_close(response);
    eddy_http_session_close(session);
    return 0;
}

/* The call returns with the headers, and bytes can be had as they come. */
CLIENT_TEST(body_streams)
{
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    char byte;
    assert_int_equal(eddy_http_get(session, at("/two"), &response), 0);
    assert_string_equal(eddy_http_header(response, "X-Early"), "yes");
    assert_int_equal(eddy_http_read_chunk(response, &byte, 1), 1);
    assert_int_equal(byte, '0');
    __atomic_store_n(&go_on, true, __ATOMIC_SEQ_CST);
    char *rest;
    assert_int_equal(eddy_http_read_all(response, &rest, NULL), 0);
    assert_string_equal(rest, "123456789");
    free(rest);
    eddy_http_close(response);
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(methods_and_bodies)
{
    static const struct {
        const char *method, *body, *seen;
    } cases[] = {
        {NULL, NULL, "GET"},       {NULL, "x", "POST"},           {"POST", "a=1\r\n\r\n", "POST"},
        {"PUT", "new", "PUT"},     {"PATCH", "part", "PATCH"},    {"DELETE", NULL, "DELETE"},
        {"DELETE", "d", "DELETE"}, {"OPTIONS", NULL, "OPTIONS"},  {"POST", NULL, "POST"},
        {"PUT", "", "PUT"},        {"PROPFIND", "p", "PROPFIND"}, {"GET", "odd", "GET"},
    };
    eddy_http_session *session = session_with();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        eddy_http_response *response;
        const char *body = cases[i].body;
        char *text;
        struct eddy_http_request_options request = {.url = at("/echo"),
                                                    .method = cases[i].method,
                                                    .body = body,
                                                    .body_size = body ? strlen(body) : 0};
        assert_int_equal(eddy_http_request(session, &request, &response), 0);
        assert_string_equal(eddy_http_header(response, "X-Method"), cases[i].seen);
        assert_int_equal(eddy_http_read_all(response, &text, NULL), 0);
        assert_string_equal(text, body ? body : "");
        free(text);
        eddy_http_close(response);
    }
    assert_int_equal(server_accepted(harness_server), 1);
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(head_has_no_body)
{
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    char *text;
    size_t size;
    for (int i = 0; i < 2; i++) {
        struct eddy_http_request_options request = {.url = at("/echo"), .method = "HEAD"};
        assert_int_equal(eddy_http_request(session, &request, &response), 0);
        assert_int_equal(eddy_http_content_length(response), 5);
        assert_int_equal(eddy_http_read_all(response, &text, &size), 0);
        assert_int_equal(size, 0);
        free(text);
        eddy_http_close(response);
    }
    assert_int_equal(server_accepted(harness_server), 1);
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(request_headers)
{
    eddy_http_session *session = session_with(.user_agent = "tests/1");
    eddy_http_response *response;
    char *text;
    struct eddy_http_request_options request = {
        .url = at("/head"),
        .headers = (const struct eddy_http_field[]){{"X-One", "1"},
                                                    {"X-Empty", ""},
                                                    {"Accept", "text/plain"},
                                                    {NULL, NULL}},
    };
    assert_int_equal(eddy_http_request(session, &request, &response), 0);
    assert_int_equal(eddy_http_read_all(response, &text, NULL), 0);
    assert_non_null(strstr(text, "\r\nX-One: 1\r\n"));
    assert_non_null(strstr(text, "\r\nX-Empty:\r\n"));
    assert_non_null(strstr(text, "\r\nAccept: text/plain\r\n"));
    assert_null(strstr(text, "*/*"));
    assert_non_null(strstr(text, "\r\nUser-Agent: tests/1\r\n"));
    assert_non_null(strstr(text, "\r\nAccept-Encoding: gzip, deflate\r\n"));
    assert_null(strstr(text, "Content-"));
    assert_null(strstr(text, "Expect"));
    free(text);
    eddy_http_close(response);

    request = (struct eddy_http_request_options){.url = at("/head"), .body = "b", .body_size = 1};
    assert_int_equal(eddy_http_request(session, &request, &response), 0);
    assert_int_equal(eddy_http_read_all(response, &text, NULL), 0);
    assert_non_null(strstr(text, "\r\nContent-Type: application/octet-stream\r\n"));
    free(text);
    eddy_http_close(response);
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(response_headers)
{
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    assert_int_equal(eddy_http_get(session, at("/many"), &response), 0);
    assert_string_equal(eddy_http_header(response, "SET-COOKIE"), "a=1");
    assert_string_equal(eddy_http_header_at(response, 1).name, "set-cookie");
    assert_string_equal(eddy_http_header_at(response, 1).value, "b=2");
    assert_string_equal(eddy_http_header(response, "x-empty"), "");
    assert_string_equal(eddy_http_header(response, "x-blank"), "spaced out");
    assert_string_equal(eddy_http_header_at(response, 4).value, "0");
    assert_null(eddy_http_header_at(response, 5).name);
    eddy_http_close(response);
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(user_and_password)
{
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    char *text;
    assert_int_equal(eddy_http_get(session, at_host("ann:s%40cret@127.0.0.1", "/head"), &response),
                     0);
    assert_string_equal(eddy_http_url(response), at("/head"));
    assert_int_equal(eddy_http_read_all(response, &text, NULL), 0);
    assert_non_null(strstr(text, "\r\nAuthorization: Basic YW5uOnNAY3JldA==\r\n"));
    free(text);
    eddy_http_close(response);
    /* Not remembered for the next one. */
    text = get_text(session, at("/head"), NULL);
    assert_null(strstr(text, "Authorization"));
    free(text);
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(connections_are_reused)
{
    eddy_http_session *session = session_with();
    for (int i = 0; i < 20; i++)
        free(get_text(session, at("/count"), NULL));
    assert_int_equal(server_accepted(harness_server), 1);
    for (int i = 0; i < 3; i++)
        free(get_text(session, at("/close"), NULL));
    assert_in_range(server_accepted(harness_server), 3, 4);
    eddy_http_session_close(session);
    return 0;
}

/* A kept connection that the server closed meanwhile is no error. */
CLIENT_TEST(stale_connection)
{
    eddy_http_session *session = session_with();
    for (int i = 0; i < 5; i++) {
        char *text = get_text(session, at("/die"), NULL);
        assert_string_equal(text, "kept?");
        free(text);
        eventually(server_open(harness_server) == 0);
    }
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(raise_for_status)
{
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    char *text;
    assert_int_equal(eddy_http_get(session, at_host("u:pw@127.0.0.1", "/nowhere"), &response), 0);
    assert_int_equal(eddy_http_status(response), 404);
    assert_int_equal(eddy_http_raise_for_status(response), -EREMOTEIO);
    assert_says(": 404 Not Found");
    assert_says("GET http://127.0.0.1:");
    assert_null(strstr(eddy_failure_message(eddy_last_failure()), "pw"));
    assert_int_equal(eddy_http_read_all(response, &text, NULL), 0); /* the body is still there */
    assert_string_equal(text, "gone");
    free(text);
    eddy_http_close(response);
    eddy_http_session_close(session);
    return 0;
}

struct one_get {
    eddy_http_session *session;
    const char *url;
    int *good;
};
static int one_get(struct one_get *a)
{
    char *text = get_text(a->session, a->url, NULL);
    *a->good += strcmp(text, "waited") == 0;
    free(text);
    return 0;
}

static void get_at_once(eddy_http_session *session, int count, const char *host)
{
    int good = 0, err;
    eddy_with_group (group, &err) {
        for (int i = 0; i < count; i++)
            eddy_spawn(group, one_get, .session = session, .url = at_host(host, "/wait"),
                       .good = &good);
    }
    assert_int_equal(err, 0);
    assert_int_equal(good, count);
}

CLIENT_TEST(at_most_ten_connections)
{
    eddy_http_session *session = session_with(.max_connections = 10);
    double began = eddy_time();
    get_at_once(session, 100, "127.0.0.1");
    assert_true(eddy_time() - began >= 0.3);
    assert_int_equal(server_peak(harness_server), 10);
    assert_int_equal(server_accepted(harness_server), 10);
    assert_int_equal(server_requests(harness_server), 100);
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(at_most_three_per_host)
{
    eddy_http_session *session = session_with(.max_connections = 10, .max_per_host = 3);
    get_at_once(session, 12, "127.0.0.1");
    assert_int_equal(server_peak(harness_server), 3);
    get_at_once(session, 12, "one.test");
    assert_int_equal(server_peak(harness_server), 6);
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(two_sessions_at_once)
{
    eddy_http_session *one = session_with(), *two = session_with();
    free(get_text(one, at("/count"), NULL));
    free(get_text(two, at("/count"), NULL));
    assert_int_equal(server_accepted(harness_server), 2);
    eddy_http_session_close(one);
    free(get_text(two, at("/count"), NULL));
    assert_int_equal(server_accepted(harness_server), 2);
    eddy_http_session_close(two);
    return 0;
}

CLIENT_TEST(environment_proxy_is_ignored)
{
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    eddy_http_session *session = session_with();
    free(get_text(session, at("/count"), NULL));
    eddy_http_session_close(session);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_whole),
        cmocka_unit_test(get_chunks),
        cmocka_unit_test(body_streams),
        cmocka_unit_test(methods_and_bodies),
        cmocka_unit_test(head_has_no_body),
        cmocka_unit_test(request_headers),
        cmocka_unit_test(response_headers),
        cmocka_unit_test(user_and_password),
        cmocka_unit_test(connections_are_reused),
        cmocka_unit_test(stale_connection),
        cmocka_unit_test(raise_for_status),
        cmocka_unit_test(at_most_ten_connections),
        cmocka_unit_test(at_most_three_per_host),
        cmocka_unit_test(two_sessions_at_once),
        cmocka_unit_test(environment_proxy_is_ignored),
    };
    return HARNESS_MAIN(paths, tests);
}
