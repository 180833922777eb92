/* SPDX-License-Identifier: MIT */
/* JSON there and back, and what isn't JSON. */
#include <jansson.h>
#include <stdio.h>
#include "harness.h"

static void answer_echo(struct connection *c, const struct message *m)
{
    char type[100];
    (void)server_say(c, "HTTP/1.1 200 OK\r\nX-Type: %s\r\nContent-Length: %zu\r\n\r\n",
                     message_field(m, "Content-Type", type, sizeof type), m->body_size);
    (void)server_send(c, m->body, m->body_size);
}

static const struct server_path paths[] = {{"/echo", answer_echo}, {NULL, NULL}};

/* What read_json makes of a text. */
static int parse(eddy_http_session *session, const char *text, size_t size, json_t **json)
{
    eddy_http_response *response;
    struct eddy_http_request_options request = {
        .url = at("/echo"), .body = text, .body_size = size};
    assert_int_equal(eddy_http_request(session, &request, &response), 0);
    int r = eddy_http_read_json(response, json);
    eddy_http_close(response);
    return r;
}

CLIENT_TEST(there_and_back)
{
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    json_t *sent = json_pack("{s:s, s:[i, f, b, n], s:s}", "name", "eddy", "list", 1, 2.5, 1,
                             "text", "h\xc3\xa9 \"q\" \n");
    json_t *received;
    struct eddy_http_request_options request = {.url = at("/echo"), .json = sent};
    assert_int_equal(eddy_http_request(session, &request, &response), 0);
    assert_string_equal(eddy_http_header(response, "X-Type"), "application/json");
    assert_int_equal(eddy_http_read_json(response, &received), 0);
    assert_true(json_equal(sent, received));
    eddy_http_close(response);
    json_decref(received);

    request.headers = (const struct eddy_http_field[]){{"content-type", "application/x+json"},
                                                       {NULL, NULL}};
    request.method = "PUT";
    assert_int_equal(eddy_http_request(session, &request, &response), 0);
    assert_string_equal(eddy_http_header(response, "X-Type"), "application/x+json");
    eddy_http_close(response);
    json_decref(sent);
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(any_value)
{
    eddy_http_session *session = session_with();
    json_t *json;
    assert_int_equal(parse(session, " 17 ", 4, &json), 0);
    assert_int_equal(json_integer_value(json), 17);
    json_decref(json);
    assert_int_equal(parse(session, "null", 4, &json), 0);
    assert_true(json_is_null(json));
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(not_json)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "bad JSON at line 1, column 0: "},
        {"{\n  \"a\": 1,\n  \"b\": oops\n}", "bad JSON at line 3, column 11: "},
        {"[1, 2", "bad JSON at line 1, column 5: "},
        {"[1] 2", "bad JSON at line 1, column 5: end of file expected"},
        {"\"\xff\"", "unable to decode byte 0xff"},
        {"<html>", "bad JSON at line 1, column 1: "},
        {"[\"a\x01\"]", "control character 0x1"},
    };
    eddy_http_session *session = session_with();
    json_t *json = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse(session, cases[i].text, strlen(cases[i].text), &json), -EBADMSG);
        assert_says(cases[i].says);
        assert_says("POST http://127.0.0.1:");
    }
    assert_null(json);
    eddy_http_session_close(session);
    return 0;
}

/* The parser recurses on the task's stack: what is deeper is refused before. */
CLIENT_TEST(deep)
{
    eddy_http_session *session = session_with();
    json_t *json;
    char text[4100];
    memset(text, '[', 2050);
    memset(text + 2050, ']', 2050);
    assert_int_equal(parse(session, text + 2050 - 257, (size_t)257 * 2, &json), -EMSGSIZE);
    assert_says("JSON nested deeper than 256 levels");
    assert_int_equal(parse(session, text, 4100, &json), -EMSGSIZE);
    assert_int_equal(parse(session, text + 2050 - 256, (size_t)256 * 2, &json), 0);
    json_decref(json);
    assert_int_equal(parse(session, "[\"[[\\\"[[\"]", 10, &json), 0); /* brackets in strings */
    json_decref(json);
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(too_large)
{
    eddy_http_session *session = session_with(.max_body_size = 10);
    json_t *json;
    assert_int_equal(parse(session, "[1,2,3,4,5,6]", 13, &json), -EMSGSIZE);
    assert_says("option max_body_size");
    eddy_http_session_close(session);
    return 0;
}

/* A value that jansson can't write. */
CLIENT_TEST(unwritable)
{
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    json_t *list = json_array(), *inner = json_array();
    json_array_append_new(list, inner);
    json_array_append(inner, list); /* a loop */
    struct eddy_http_request_options request = {.url = at("/echo"), .json = list};
    assert_int_equal(eddy_http_request(session, &request, &response), -EMSGSIZE);
    assert_says("nests deeper than 256 levels");
    json_array_clear(inner);
    json_decref(list);
    eddy_http_session_close(session);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back), cmocka_unit_test(any_value), cmocka_unit_test(not_json),
        cmocka_unit_test(deep),           cmocka_unit_test(too_large), cmocka_unit_test(unwritable),
    };
    return HARNESS_MAIN(paths, tests);
}
