/* SPDX-License-Identifier: MIT */
/* Null, negative, overflowing, closed and foreign arguments; URLs, methods and fields that would
 * smuggle something in. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include "harness.h"

static void answer_ok(struct connection *c, const struct message *m)
{
    (void)m;
    (void)server_reply(c, "fine");
}

static const struct server_path paths[] = {{"/ok", answer_ok}, {NULL, NULL}};

CLIENT_TEST(options)
{
    static const struct {
        struct eddy_http_options options;
        const char *says;
    } cases[] = {
        {{.timeout = -1}, "timeout is -1"},
        {{.timeout = NAN}, "timeout is"},
        {{.max_connections = 10001}, "max_connections is 10001, at most 10000"},
        {{.max_connections = SIZE_MAX}, "max_connections"},
        {{.max_per_host = 10001}, "max_per_host"},
        {{.max_redirects = 101}, "max_redirects is 101, at most 100"},
        {{.max_header_size = 262145}, "max_header_size"},
        {{.user_agent = "a\r\nX: y"}, "control character in user_agent"},
    };
    eddy_http_session *session = NULL;
    assert_int_equal(eddy_http_session_open(NULL, NULL), -EINVAL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(eddy_http_session_open(&session, &cases[i].options), -EINVAL);
        assert_says(cases[i].says);
    }
    assert_null(session);
    session = session_with(.max_body_size = SIZE_MAX, .max_decompressed_size = SIZE_MAX,
                           .max_header_count = SIZE_MAX, .max_compression_ratio = UINT32_MAX,
                           .timeout = EDDY_FOREVER);
    free(get_text(session, at("/ok"), NULL));
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(urls)
{
    static const struct {
        const char *url;
        int code;
        const char *says;
    } cases[] = {
        {"", -EINVAL, "it is empty"},
        {"/path", -EINVAL, "bad URL"},
        {"127.0.0.1/", -EINVAL, "bad URL"},
        {"localhost:80/", -EINVAL, "bad URL"},
        {"http://", -EINVAL, "bad URL"},
        {"http:///path", -EINVAL, "bad URL"},
        {"http://:80/", -EINVAL, "bad URL"},
        {"http://host:99999/", -EINVAL, "bad URL"},
        {"http://host:-1/", -EINVAL, "bad URL"},
        {"http://ho st/", -EINVAL, "space or control"},
        {"http://host/a b", -EINVAL, "space or control"},
        {"http://host/a\r\nX-Evil: 1", -EINVAL, "space or control"},
        {"http://host/\x7f", -EINVAL, "space or control"},
        {"http://user:hidden@host:1x/", -EINVAL, "bad URL"},
        {"http://user:hidden@a b/", -EINVAL, "space or control"},
        {"http://[::1/", -EINVAL, "bad URL"},
        {"file:///etc/passwd", -EPROTONOSUPPORT, "scheme 'file' refused"},
        {"FTP://user:hidden@host/", -EPROTONOSUPPORT, "only http and https are allowed"},
        {"gopher://host/_x", -EPROTONOSUPPORT, "gopher"},
        {"ws://host/", -EPROTONOSUPPORT, "'ws'"},
        {"smtp://host/", -EPROTONOSUPPORT, "smtp"},
    };
    eddy_http_session *session = session_with();
    eddy_http_response *response = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int r = eddy_http_get(session, cases[i].url, &response);
        const char *message = eddy_failure_message(eddy_last_failure());
        if (r != cases[i].code || !strstr(message, cases[i].says) || strpbrk(message, "\r\n") ||
            strstr(message, "hidden"))
            fail_msg("%s gives %d: %s", cases[i].url, r, message);
    }
    char *large = malloc(70000);
    memset(large, 'a', 70000);
    memcpy(large, "http://h/", 9);
    large[69999] = '\0';
    assert_int_equal(eddy_http_get(session, large, &response), -EINVAL);
    assert_says("longer than 65536 bytes");
    assert_true(strlen(eddy_failure_message(eddy_last_failure())) < 400);
    free(large);
    assert_null(response);
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(hosts_and_ports)
{
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    assert_int_equal(eddy_http_get(session, "http://me:hidden@127.0.0.1:1/x?y", &response),
                     -ECONNREFUSED);
    assert_string_equal(eddy_failure_message(eddy_last_failure()),
                        "GET http://127.0.0.1:1/x?y: connection refused");
    assert_int_equal(eddy_http_get(session, "http://nowhere.invalid/", &response), -ENOENT);
    assert_string_equal(eddy_failure_message(eddy_last_failure()),
                        "GET http://nowhere.invalid/: unknown host 'nowhere.invalid'");
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(requests)
{
    static const struct eddy_http_field split[] = {{"X-A", "1\r\nX-B: 2"}, {NULL, NULL}},
                                        newline[] = {{"X-A", "1\n"}, {NULL, NULL}},
                                        name[] = {{"X A", "1"}, {NULL, NULL}},
                                        colon[] = {{"X:", "1"}, {NULL, NULL}},
                                        empty[] = {{"", "1"}, {NULL, NULL}},
                                        none[] = {{"X-A", NULL}, {NULL, NULL}},
                                        length[] = {{"Content-length", "3"}, {NULL, NULL}},
                                        transfer[] = {{"Transfer-Encoding", "chunked"},
                                                      {NULL, NULL}};
    const struct {
        struct eddy_http_request_options request;
        const char *says;
    } cases[] = {
        {{.headers = split}, "header field X-A has a control character"},
        {{.headers = newline}, "control character"},
        {{.headers = name}, "isn't a token"},
        {{.headers = colon}, "isn't a token"},
        {{.headers = empty}, "isn't a token"},
        {{.headers = none}, "X-A is NULL"},
        {{.headers = length}, "can't be set"},
        {{.headers = transfer}, "can't be set"},
        {{.method = ""}, "method isn't a token"},
        {{.method = "GET /x HTTP/1.1\r\nX: y"}, "method isn't a token"},
        {{.method = "G T"}, "method isn't a token"},
        {{.method = "CONNECT"}, "for proxies"},
        {{.method = "HEAD", .body = "x", .body_size = 1}, "HEAD has no body"},
        {{.body_size = 1}, "body is NULL"},
        {{.body = "x", .body_size = SIZE_MAX}, "no memory"},
        {{.timeout = -1}, "timeout"},
        {{.timeout = NAN}, "timeout"},
    };
    eddy_http_session *session = session_with();
    eddy_http_response *response = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct eddy_http_request_options request = cases[i].request;
        request.url = at("/ok");
        int r = eddy_http_request(session, &request, &response);
        if (r != (request.body_size == SIZE_MAX ? -ENOMEM : -EINVAL))
            fail_msg("case %zu gives %d", i, r);
        assert_says(cases[i].says);
    }
    assert_int_equal(eddy_http_request(session, NULL, &response), -EINVAL);
    assert_says("eddy_http_request: the request is NULL");
    assert_int_equal(eddy_http_get(session, NULL, &response), -EINVAL);
    assert_int_equal(eddy_http_get(session, at("/ok"), NULL), -EINVAL);
    assert_null(response);
    assert_int_equal(server_accepted(harness_server), 0);
    eddy_http_session_close(session);
    return 0;
}

/* Every call on a NULL, then on a closed handle. */
static void misuse(eddy_http_session *session, eddy_http_response *response)
{
    eddy_http_response *other;
    struct json_t *json;
    char buffer[10], *bytes;
    size_t size;
    assert_int_equal(eddy_http_get(session, at("/ok"), &other), -EINVAL);
    eddy_http_session_close(session);
    assert_int_equal(eddy_http_status(response), -EINVAL);
    assert_int_equal(eddy_http_raise_for_status(response), -EINVAL);
    assert_null(eddy_http_url(response));
    assert_null(eddy_http_header(response, "x"));
    assert_null(eddy_http_header_at(response, 0).name);
    assert_int_equal(eddy_http_content_length(response), -1);
    assert_int_equal(eddy_http_read_chunk(response, buffer, sizeof buffer), -EINVAL);
    assert_int_equal(eddy_http_read_all(response, &bytes, &size), -EINVAL);
    assert_int_equal(eddy_http_read_json(response, &json), -EINVAL);
    assert_says(response ? "eddy_http_read_json: the response is closed" : "NULL response");
    eddy_http_close(response);
}

CLIENT_TEST(handles)
{
    misuse(NULL, NULL);
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    char buffer[10];
    assert_int_equal(eddy_http_get(session, at("/ok"), &response), 0);
    assert_int_equal(eddy_http_read_chunk(response, NULL, 3), -EINVAL);
    assert_int_equal(eddy_http_read_chunk(response, buffer, SIZE_MAX), -EINVAL);
    assert_int_equal(eddy_http_read_chunk(response, NULL, 0), 0);
    assert_int_equal(eddy_http_read_all(response, NULL, NULL), -EINVAL);
    assert_int_equal(eddy_http_read_json(response, NULL), -EINVAL);
    assert_null(eddy_http_header(response, NULL));
    assert_null(eddy_http_header_at(response, SIZE_MAX).name);
    eddy_http_close(response);
    eddy_http_session_close(session);
    misuse(session, response);
    return 0;
}

static void *other_thread(void *argument)
{
    eddy_http_session *session = argument;
    eddy_http_response *response;
    int r = eddy_http_get(session, "http://127.0.0.1/", &response);
    eddy_http_session_close(session);
    return (void *)(intptr_t)r;
}

CLIENT_TEST(foreign_thread)
{
    eddy_http_session *session = session_with();
    pthread_t thread;
    void *result;
    assert_int_equal(pthread_create(&thread, NULL, other_thread, session), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_int_equal((intptr_t)result, -EINVAL);
    free(get_text(session, at("/ok"), NULL));
    eddy_http_session_close(session);
    return 0;
}

static int in_callback;

static void get_in_callback(void *argument)
{
    eddy_http_response *response;
    in_callback = eddy_http_get(argument, at("/ok"), &response);
}

CLIENT_TEST(outside_a_task)
{
    eddy_http_session *session = session_with();
    assert_non_null(eddy_call_soon(get_in_callback, session));
    assert_int_equal(eddy_sleep(0.01), 0);
    assert_int_equal(in_callback, -EINVAL);
    assert_int_equal(server_accepted(harness_server), 0);
    eddy_http_session_close(session);
    return 0;
}

static void outside_a_loop(void **state)
{
    (void)state;
    eddy_http_session *session = NULL;
    assert_int_equal(eddy_http_session_open(&session, NULL), -EINVAL);
    assert_says("outside a loop");
    assert_null(session);
}

/* No descriptors left: an error of this request, and all is well once there are some. */
CLIENT_TEST(descriptors_exhausted)
{
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    struct rlimit limit, none;
    free(get_text(session, at("/ok"), NULL)); /* all that is opened once is open */
    eddy_http_session_close(session);
    session = session_with();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int r = eddy_http_get(session, at("/ok"), &response);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (r != -EMFILE)
        fail_msg("%s: %s", eddy_error_name(r), eddy_failure_message(eddy_last_failure()));
    assert_says("too many open files");
    free(get_text(session, at("/ok"), NULL));
    eddy_http_session_close(session);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options),
        cmocka_unit_test(urls),
        cmocka_unit_test(hosts_and_ports),
        cmocka_unit_test(requests),
        cmocka_unit_test(handles),
        cmocka_unit_test(foreign_thread),
        cmocka_unit_test(outside_a_task),
        cmocka_unit_test(outside_a_loop),
        cmocka_unit_test(descriptors_exhausted),
    };
    return HARNESS_MAIN(paths, tests);
}
