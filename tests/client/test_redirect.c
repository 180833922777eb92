/* SPDX-License-Identifier: MIT */
/* Redirects: what is sent next, what isn't carried along, and what is refused. */
#include <stdio.h>
#include "harness.h"

static void redirect(struct connection *c, int status, const char *location)
{
    (void)server_say(c, "HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 6\r\n\r\nmoved\n",
                     status, location);
}

/* /to/307/echo: status and the target's path. */
static void answer_to(struct connection *c, const struct message *m)
{
    redirect(c, atoi(m->target + 4), m->target + 7);
}

/* /away/307: to the same server under another name. */
static void answer_away(struct connection *c, const struct message *m)
{
    redirect(c, atoi(m->target + 6), at_host("two.test", "/echo"));
}

static void answer_away_and_back(struct connection *c, const struct message *m)
{
    (void)m;
    redirect(c, 302, at_host("two.test", "/back"));
}

static void answer_back(struct connection *c, const struct message *m)
{
    (void)m;
    redirect(c, 302, at_host("one.test", "/echo"));
}

static void answer_raw(struct connection *c, const struct message *m)
{
    char location[256];
    redirect(c, 302, message_field(m, "X-Location", location, sizeof location));
}

static void answer_loop(struct connection *c, const struct message *m)
{
    (void)m;
    redirect(c, 302, "/loop");
}

static void answer_countdown(struct connection *c, const struct message *m)
{
    char next[40];
    int left = atoi(m->target + 7);
    (void)snprintf(next, sizeof next, left > 1 ? "/count/%d" : "/echo", left - 1);
    redirect(c, 301, next);
}

static void answer_endless_body(struct connection *c, const struct message *m)
{
    static char block[4096];
    (void)m;
    (void)server_say(c, "HTTP/1.1 302 Found\r\nLocation: /echo\r\nConnection: close\r\n\r\n");
    while (server_send(c, block, sizeof block)) {}
    server_hang_up(c, false);
}

/* The request as it came. */
static void answer_echo(struct connection *c, const struct message *m)
{
    (void)server_say(c, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s%s",
                     strlen(m->head) + m->body_size, m->head, m->body);
}

static void answer_no_location(struct connection *c, const struct message *m)
{
    (void)m;
    (void)server_say(c, "HTTP/1.1 302 Found\r\nContent-Length: 2\r\n\r\nhm");
}

static const struct server_path paths[] = {
    {"/to/", answer_to},
    {"/aab", answer_away_and_back},
    {"/away/", answer_away},
    {"/back", answer_back},
    {"/raw", answer_raw},
    {"/loop", answer_loop},
    {"/count/", answer_countdown},
    {"/endless", answer_endless_body},
    {"/nowhere", answer_no_location},
    {"/echo", answer_echo},
    {NULL, NULL},
};

static const struct eddy_http_field secrets[] = {
    {"Authorization", "Bearer s3cret"}, {"Cookie", "id=s3cret"}, {"X-Api-Key", "s3cret"},
    {"X-CSRF-Token", "s3cret"},         {"X-Plain", "public"},   {NULL, NULL},
};

/* The echo at the end of the redirects; for free(). */
static char *echoed(eddy_http_session *session, const struct eddy_http_request_options *request)
{
    eddy_http_response *response;
    char *text;
    int r = eddy_http_request(session, request, &response);
    if (r < 0)
        eddy_failure_print(eddy_last_failure(), stderr);
    assert_int_equal(r, 0);
    assert_int_equal(eddy_http_read_all(response, &text, NULL), 0);
    eddy_http_close(response);
    return text;
}

CLIENT_TEST(method_and_body)
{
    static const struct {
        const char *method, *path, *line;
        bool with_body, keeps_body;
    } cases[] = {
        {"GET", "/to/301/echo", "GET /echo", false, false},
        {"POST", "/to/301/echo", "GET /echo", true, false},
        {"POST", "/to/302/echo", "GET /echo", true, false},
        {"PUT", "/to/302/echo", "PUT /echo", true, true},
        {"POST", "/to/303/echo", "GET /echo", true, false},
        {"PUT", "/to/303/echo", "GET /echo", true, false},
        {"DELETE", "/to/303/echo", "GET /echo", false, false},
        {"POST", "/to/307/echo", "POST /echo", true, true},
        {"POST", "/to/308/echo", "POST /echo", true, true},
        {"PATCH", "/to/308/echo", "PATCH /echo", true, true},
    };
    eddy_http_session *session = session_with();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct eddy_http_request_options request = {
            .url = at(cases[i].path),
            .method = cases[i].method,
            .headers = (const struct eddy_http_field[]){{"Content-Type", "text/odd"}, {NULL, NULL}},
            .body = cases[i].with_body ? "body" : NULL,
            .body_size = cases[i].with_body ? 4 : 0};
        char *text = echoed(session, &request);
        assert_int_equal(strncmp(text, cases[i].line, strlen(cases[i].line)), 0);
        assert_int_equal(strstr(text, "\r\n\r\nbody") != NULL, cases[i].keeps_body);
        if (cases[i].with_body)
            assert_int_equal(strstr(text, "text/odd") != NULL, cases[i].keeps_body);
        free(text);
    }
    assert_int_equal(server_accepted(harness_server), 1); /* redirects cost no connection */
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(head_stays_head)
{
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    struct eddy_http_request_options request = {.url = at("/nothing"), .method = "HEAD"};
    assert_int_equal(eddy_http_request(session, &request, &response), 0);
    assert_int_equal(eddy_http_status(response), 404);
    eddy_http_close(response);
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(same_origin_keeps_credentials)
{
    eddy_http_session *session = session_with();
    struct eddy_http_request_options request = {.url = at("/to/302/echo"), .headers = secrets};
    char *text = echoed(session, &request);
    assert_non_null(strstr(text, "Authorization: Bearer s3cret"));
    assert_non_null(strstr(text, "Cookie: id=s3cret"));
    assert_non_null(strstr(text, "X-Plain"));
    free(text);
    request = (struct eddy_http_request_options){.url = at_host("me:pw@127.0.0.1", "/to/302/echo")};
    text = echoed(session, &request);
    assert_non_null(strstr(text, "Authorization: Basic bWU6cHc="));
    free(text);
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(other_origin_gets_no_credentials)
{
    static const char *const urls[] = {"/away/301", "/away/302", "/away/303",
                                       "/away/307", "/away/308", "/aab"};
    eddy_http_session *session = session_with();
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct eddy_http_request_options request = {.url = at_host("one.test", urls[i]),
                                                    .headers = secrets};
        char *text = echoed(session, &request);
        assert_null(strstr(text, "s3cret"));
        assert_null(strstr(text, "Authorization"));
        assert_non_null(strstr(text, "X-Plain: public"));
        assert_non_null(strstr(text, i == 5 ? "Host: one.test" : "Host: two.test"));
        free(text);

        request = (struct eddy_http_request_options){.url = at_host("me:pw@one.test", urls[i])};
        text = echoed(session, &request);
        assert_null(strstr(text, "Authorization"));
        free(text);
    }
    eddy_http_session_close(session);
    return 0;
}

/* A GET of /raw, whose Location is the given one. */
static int raw(eddy_http_session *session, const char *location, eddy_http_response **response)
{
    return eddy_http_request(
        session,
        &(struct eddy_http_request_options){
            .url = at("/raw"),
            .headers = (const struct eddy_http_field[]){{"X-Location", location}, {NULL, NULL}}},
        response);
}

CLIENT_TEST(locations)
{
    static const struct {
        const char *location, *path;
    } good[] = {
        {"echo", "/echo"},        {"./a/../echo?b", "/echo?b"},
        {"/echo#there", "/echo"}, {"/echo/with space", "/echo/with%20space"},
        {"?q", "/raw?q"},
    };
    static const struct {
        const char *location;
        int code;
        const char *says;
    } bad[] = {
        {"file:///etc/passwd", -EPROTONOSUPPORT, "redirect to file:///etc/passwd refused"},
        {"ftp://127.0.0.1/", -EPROTONOSUPPORT, "'ftp' refused: only http and https"},
        {"gopher://127.0.0.1/_x", -EPROTONOSUPPORT, "gopher"},
        {"javascript:alert(1)", -EPROTONOSUPPORT, "only http and https"},
        {"http://u:secret@/x", -EPROTO, "bad URL"},
        {"http://127.0.0.1:99999/", -EPROTO, "bad URL"},
        {"http:/echo", -EPROTO, "bad URL"},
        {"http:///echo", -EPROTO, "bad URL"},
    };
    eddy_http_session *session = session_with(.max_redirects = 1);
    eddy_http_response *response;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int r = raw(session, good[i].location, &response);
        if (strcmp(good[i].path, "/raw?q") == 0) { /* which leads to itself */
            assert_int_equal(r, -ELOOP);
            continue;
        }
        if (r < 0)
            eddy_failure_print(eddy_last_failure(), stderr);
        assert_int_equal(r, 0);
        assert_string_equal(eddy_http_url(response), at(good[i].path));
        eddy_http_close(response);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int r = raw(session, bad[i].location, &response);
        if (r != bad[i].code)
            fail_msg("%s gives %d: %s", bad[i].location, r,
                     eddy_failure_message(eddy_last_failure()));
        assert_says(bad[i].says);
        assert_says("/raw: ");
        assert_null(strstr(eddy_failure_message(eddy_last_failure()), "secret"));
    }
    /* Credentials that a server writes into a Location aren't used. */
    char location[256];
    (void)snprintf(location, sizeof location, "%s", at_host("x:y@127.0.0.1", "/echo"));
    assert_int_equal(raw(session, location, &response), 0);
    char *text;
    assert_int_equal(eddy_http_read_all(response, &text, NULL), 0);
    assert_null(strstr(text, "Authorization"));
    free(text);
    eddy_http_close(response);
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(too_many)
{
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    assert_int_equal(eddy_http_get(session, at("/loop"), &response), -ELOOP);
    assert_says("/loop: more than 10 redirects (the limit is option max_redirects)");
    assert_int_equal(server_requests(harness_server), 11);
    free(get_text(session, at("/count/10"), NULL));
    assert_int_equal(eddy_http_get(session, at("/count/11"), &response), -ELOOP);
    eddy_http_session_close(session);
    session = session_with(.max_redirects = 20);
    free(get_text(session, at("/count/20"), NULL));
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(returned_on_request)
{
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    int status;
    struct eddy_http_request_options request = {.url = at("/to/302/echo"),
                                                .return_redirects = true};
    assert_int_equal(eddy_http_request(session, &request, &response), 0);
    assert_int_equal(eddy_http_status(response), 302);
    assert_string_equal(eddy_http_header(response, "location"), "/echo");
    assert_int_equal(eddy_http_raise_for_status(response), 0);
    eddy_http_close(response);
    char *text = get_text(session, at("/nowhere"), &status); /* without a Location */
    assert_int_equal(status, 302);
    assert_string_equal(text, "hm");
    free(text);
    eddy_http_session_close(session);
    return 0;
}

/* The body of a redirect isn't read to an end that never comes. */
CLIENT_TEST(endless_body)
{
    eddy_http_session *session = session_with();
    double began = eddy_time();
    free(get_text(session, at("/endless"), NULL));
    assert_true(eddy_time() - began < 30);
    eddy_http_session_close(session);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(method_and_body),
        cmocka_unit_test(head_stays_head),
        cmocka_unit_test(same_origin_keeps_credentials),
        cmocka_unit_test(other_origin_gets_no_credentials),
        cmocka_unit_test(locations),
        cmocka_unit_test(too_many),
        cmocka_unit_test(returned_on_request),
        cmocka_unit_test(endless_body),
    };
    return HARNESS_MAIN(paths, tests);
}
