/* SPDX-License-Identifier: MIT */
/* What servers may send, and what broken ones do: framing, truncation, garbage, compression. Any
 * backend has to give these results. */
#include <stdio.h>
#include <unistd.h>
#include "harness.h"

/* ---- answers, by number ---- */

struct script {
    const char *name;
    const char *bytes;
    size_t size;      /* 0: strlen */
    bool stay, reset; /* keep the connection; end it by a reset */
    int get_code;     /* what the GET gives */
    int status;
    int read_code; /* what read_all gives */
    const char *body;
    const char *says; /* when it fails */
};

#define OK "HTTP/1.1 200 OK\r\n"
static const struct script scripts[] = {
    {.name = "length",
     .bytes = OK "Content-Length: 3\r\n\r\nabc",
     .stay = true,
     .status = 200,
     .body = "abc"},
    {.name = "empty",
     .bytes = OK "Content-Length: 0\r\n\r\n",
     .stay = true,
     .status = 200,
     .body = ""},
    {.name = "204",
     .bytes = "HTTP/1.1 204 No Content\r\n\r\n",
     .stay = true,
     .status = 204,
     .body = ""},
    {.name = "304",
     .bytes = "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
     .stay = true,
     .status = 304,
     .body = ""},
    {.name = "no phrase",
     .bytes = "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx",
     .stay = true,
     .status = 200,
     .body = "x"},
    {.name = "until close", .bytes = OK "\r\nto the end", .status = 200, .body = "to the end"},
    {.name = "HTTP/1.0", .bytes = "HTTP/1.0 200 OK\r\n\r\nold", .status = 200, .body = "old"},
    {.name = "bare newlines",
     .bytes = "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
     .stay = true,
     .status = 200,
     .body = "ok"},
    {.name = "chunked",
     .bytes = OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;ext=1\r\n0123456789\r\n0\r\n\r\n",
     .stay = true,
     .status = 200,
     .body = "abc0123456789"},
    {.name = "trailers",
     .bytes = OK "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-After: 1\r\n\r\n",
     .stay = true,
     .status = 200,
     .body = "x"},
    {.name = "interim",
     .bytes = "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\n"
              "Link: x\r\n\r\n" OK "Content-Length: 4\r\n\r\nlate",
     .stay = true,
     .status = 200,
     .body = "late"},
    {.name = "404",
     .bytes = "HTTP/1.1 404 Gone Fishing\r\nContent-Length: 2\r\n\r\nno",
     .stay = true,
     .status = 404,
     .body = "no"},

    {.name = "short length",
     .bytes = OK "Content-Length: 10\r\n\r\nabc",
     .status = 200,
     .read_code = -ENODATA,
     .says = "the connection ended after 3 of 10 bytes of the body"},
    {.name = "short chunk",
     .bytes = OK "Transfer-Encoding: chunked\r\n\r\nA\r\nabc",
     .status = 200,
     .read_code = -ENODATA,
     .says = "before the body did"},
    {.name = "no last chunk",
     .bytes = OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
     .status = 200,
     .read_code = -ENODATA,
     .says = "before the body did"},
    {.name = "bad chunk size",
     .bytes = OK "Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc",
     .status = 200,
     .read_code = -EPROTO,
     .says = "chunk"},
    {.name = "reset in body",
     .bytes = OK "Content-Length: 10\r\n\r\nabc",
     .reset = true,
     .status = 200,
     .read_code = -ECONNRESET,
     .says = "connection reset"},
    {.name = "nothing", .bytes = "", .get_code = -ECONNRESET, .says = "without an answer"},
    {.name = "garbage",
     .bytes = "\x16\x03\x01 this is no HTTP\r\n\r\n",
     .get_code = -EPROTO,
     .says = "bad HTTP"},
    {.name = "HTTP/0.9", .bytes = "<html>hello</html>", .get_code = -EPROTO, .says = "bad HTTP"},
    {.name = "status only",
     .bytes = "HTTP/1.1 200 OK\r\nContent-",
     .get_code = -EPROTO,
     .says = "bad HTTP"},
    {.name = "bad status",
     .bytes = "HTTP/1.1 abc\r\n\r\n",
     .get_code = -EPROTO,
     .says = "bad HTTP"},
    {.name = "zero in header",
     .bytes = OK "X: a\0b\r\nContent-Length: 0\r\n\r\n",
     .size = sizeof(OK "X: a\0b\r\nContent-Length: 0\r\n\r\n") - 1,
     .get_code = -EPROTO,
     .says = "bad HTTP"},
    {.name = "no colon",
     .bytes = OK "nonsense\r\nContent-Length: 0\r\n\r\n",
     .get_code = -EPROTO,
     .says = "colon"},
    {.name = "folded",
     .bytes = OK "X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
     .get_code = -EPROTO,
     .says = "header line"},
    {.name = "negative length",
     .bytes = OK "Content-Length: -5\r\n\r\nabc",
     .get_code = -EPROTO,
     .says = "bad HTTP"},
};

static const struct script *script_of(const struct message *m)
{
    return &scripts[atoi(strrchr(m->target, '/') + 1)];
}

static void finish(struct connection *c, const struct script *script)
{
    if (script->reset) {
        (void)usleep(200000); /* the bytes arrive before the reset discards them */
        server_hang_up(c, true);
    } else if (!script->stay) {
        server_hang_up(c, false);
    }
}

static void answer_script(struct connection *c, const struct message *m)
{
    const struct script *script = script_of(m);
    (void)server_send(c, script->bytes, script->size ? script->size : strlen(script->bytes));
    finish(c, script);
}

static void answer_drip(struct connection *c, const struct message *m)
{
    const struct script *script = script_of(m);
    (void)server_drip(c, script->bytes, script->size ? script->size : strlen(script->bytes));
    finish(c, script);
}

/* "hello, packed world" by gzip -9. */
static const unsigned char packed[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03,
                                       0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xd7, 0x51, 0x28, 0x48, 0x4c,
                                       0xce, 0x4e, 0x4d, 0x51, 0x28, 0xcf, 0x2f, 0xca, 0x49, 0x01,
                                       0x00, 0x48, 0xef, 0x2e, 0xcc, 0x13, 0x00, 0x00, 0x00};

static void send_packed(struct connection *c, size_t size)
{
    (void)server_say(c, OK "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", size);
    (void)server_send(c, packed, size);
}

static void answer_gzip(struct connection *c, const struct message *m)
{
    (void)m;
    send_packed(c, sizeof packed);
}

static void answer_broken_gzip(struct connection *c, const struct message *m)
{
    (void)m;
    (void)server_say(c, OK "Content-Encoding: gzip\r\nContent-Length: 12\r\n\r\nnot gzip at ");
}

static void answer_short_gzip(struct connection *c, const struct message *m)
{
    (void)m;
    (void)server_say(c, OK "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", sizeof packed);
    (void)server_send(c, packed, 20);
    server_hang_up(c, false);
}

static const struct server_path paths[] = {
    {"/script/", answer_script},     {"/drip/", answer_drip},       {"/gzip", answer_gzip},
    {"/broken", answer_broken_gzip}, {"/short", answer_short_gzip}, {NULL, NULL},
};

static void check_code(const struct script *script, const char *call, int r, int expected)
{
    if (r != expected)
        fail_msg("\"%s\": %s gives %s (%s), not %s", script->name, call, eddy_error_name(r),
                 r < 0 ? eddy_failure_message(eddy_last_failure()) : "", eddy_error_name(expected));
    if (r >= 0)
        return;
    const char *message = eddy_failure_message(eddy_last_failure());
    if (!strstr(message, script->says) || strncmp(message, "GET http://127.0.0.1:", 21) != 0)
        fail_msg("\"%s\": \"%s\" doesn't say \"%s\"", script->name, message, script->says);
}

static void run_scripts(const char *prefix)
{
    eddy_http_session *session = session_with();
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        const struct script *script = &scripts[i];
        eddy_http_response *response;
        char path[40], *text;
        (void)snprintf(path, sizeof path, "%s%zu", prefix, i);
        int r = eddy_http_get(session, at(path), &response);
        check_code(script, "GET", r, script->get_code);
        if (r < 0)
            continue;
        assert_int_equal(eddy_http_status(response), script->status);
        assert_null(eddy_http_header(response, "X-Early"));
        r = eddy_http_read_all(response, &text, NULL);
        check_code(script, "read_all", r, script->read_code);
        if (r == 0) {
            assert_string_equal(text, script->body);
            free(text);
        } else {
            assert_int_equal(eddy_http_read_all(response, &text, NULL), r); /* it stays so */
        }
        eddy_http_close(response);
    }
    eddy_http_session_close(session);
}

CLIENT_TEST(at_once)
{
    run_scripts("/script/");
    return 0;
}

CLIENT_TEST(byte_by_byte)
{
    run_scripts("/drip/");
    return 0;
}

/* Those that keep their connection really leave it usable. */
CLIENT_TEST(one_connection)
{
    eddy_http_session *session = session_with();
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        char path[40];
        (void)snprintf(path, sizeof path, "/script/%zu", i);
        if (scripts[i].stay)
            free(get_text(session, at(path), NULL));
    }
    assert_int_equal(server_accepted(harness_server), 1);
    eddy_http_session_close(session);
    return 0;
}

/* What came before the failure can be read. */
CLIENT_TEST(bytes_before_failure)
{
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    char buffer[100], path[40];
    size_t i = 0;
    while (strcmp(scripts[i].name, "short length") != 0)
        i++;
    (void)snprintf(path, sizeof path, "/script/%zu", i);
    assert_int_equal(eddy_http_get(session, at(path), &response), 0);
    assert_int_equal(eddy_sleep(0.05), 0);
    assert_int_equal(eddy_http_read_chunk(response, buffer, 2), 2);
    assert_int_equal(eddy_http_read_chunk(response, buffer + 2, 90), 1);
    assert_memory_equal(buffer, "abc", 3);
    assert_int_equal(eddy_http_read_chunk(response, buffer, 90), -ENODATA);
    assert_int_equal(eddy_http_read_chunk(response, buffer, 90), -ENODATA);
    eddy_http_close(response);
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(gzip)
{
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    char *text;
    size_t size;
    text = get_text(session, at("/gzip"), NULL);
    assert_string_equal(text, "hello, packed world");
    free(text);
    /* Who asks for an encoding himself gets it as it was sent. */
    struct eddy_http_request_options request = {
        .url = at("/gzip"),
        .headers = (const struct eddy_http_field[]){{"Accept-Encoding", "gzip"}, {NULL, NULL}}};
    assert_int_equal(eddy_http_request(session, &request, &response), 0);
    assert_int_equal(eddy_http_read_all(response, &text, &size), 0);
    assert_int_equal(size, sizeof packed);
    assert_memory_equal(text, packed, size);
    free(text);
    eddy_http_close(response);

    assert_int_equal(eddy_http_get(session, at("/broken"), &response), 0);
    assert_int_equal(eddy_http_read_all(response, &text, NULL), -EPROTO);
    assert_says("bad compression");
    eddy_http_close(response);
    assert_int_equal(eddy_http_get(session, at("/short"), &response), 0);
    assert_int_equal(eddy_http_read_all(response, &text, NULL), -ENODATA);
    eddy_http_close(response);
    eddy_http_session_close(session);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_once),        cmocka_unit_test(byte_by_byte),
        cmocka_unit_test(one_connection), cmocka_unit_test(bytes_before_failure),
        cmocka_unit_test(gzip),
    };
    return HARNESS_MAIN(paths, tests);
}
