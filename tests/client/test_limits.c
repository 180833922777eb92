/* SPDX-License-Identifier: MIT */
/* Limits: each refusal names the limit and its option; memory stays bounded; time runs out. */
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>
#include "harness.h"

#define OK "HTTP/1.1 200 OK\r\n"

/* /fields/N: N fields and Content-Length. */
static void answer_fields(struct connection *c, const struct message *m)
{
    int count = atoi(m->target + 8);
    (void)server_say(c, OK);
    for (int i = 0; i < count; i++)
        if (!server_say(c, "X-%d: %d\r\n", i, i))
            break;
    (void)server_say(c, "Content-Length: 0\r\n\r\n");
}

/* /line/N: a field of N bytes. */
static void answer_line(struct connection *c, const struct message *m)
{
    int size = atoi(m->target + 6);
    char *text = malloc((size_t)size + 1);
    memset(text, 'x', (size_t)size);
    text[size] = '\0';
    (void)server_say(c, OK "X-Long: %s\r\nContent-Length: 0\r\n\r\n", text);
    free(text);
}

static void answer_endless_headers(struct connection *c, const struct message *m)
{
    (void)m;
    (void)server_say(c, OK);
    while (server_say(c, "X-Again: and again\r\n")) {}
    server_hang_up(c, false);
}

static void answer_endless_interim(struct connection *c, const struct message *m)
{
    (void)m;
    while (server_say(c, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")) {}
    server_hang_up(c, false);
}

/* /announced/N: a Content-Length of N, and as many bytes. /unannounced: endless. */
static void answer_announced(struct connection *c, const struct message *m)
{
    long long size = atoll(m->target + 11);
    static char block[4096];
    (void)server_say(c, OK "Content-Length: %lld\r\n\r\n", size);
    for (; size > 0; size -= (long long)sizeof block)
        if (!server_send(c, block, size < 4096 ? (size_t)size : sizeof block))
            break;
}

static void answer_endless(struct connection *c, const struct message *m)
{
    static char block[4096];
    (void)m;
    (void)server_say(c, OK "\r\n");
    while (server_send(c, block, sizeof block)) {}
    server_hang_up(c, false);
}

/* /bomb/N: N MiB of zeros, packed by deflate at about 1000 to 1; chunked if N is odd. Each MiB is
 * the same 1037 bytes, most of which are zeros themselves. */
static void answer_bomb(struct connection *c, const struct message *m)
{
    static const unsigned char begin[] = {0xec, 0xc1, 0x31, 0x01, 0,    0,    0,   0xc2,
                                          0xa0, 0xf5, 0x4f, 0x6d, 0x08, 0x5f, 0xa0},
                               end[] = {0x3e, 0x03, 0, 0, 0xff, 0xff},
                               last[] = {0x01, 0, 0, 0xff, 0xff};
    unsigned char mebibyte[1037] = {0};
    int count = atoi(m->target + 6);
    bool chunked = count % 2, sent = true;
    memcpy(mebibyte, begin, sizeof begin);
    memcpy(mebibyte + sizeof mebibyte - sizeof end, end, sizeof end);
    (void)server_say(c, OK "Content-Encoding: deflate\r\n%s\r\n",
                     chunked ? "Transfer-Encoding: chunked\r\n" : "Connection: close\r\n");
    for (int i = 0; i <= count && sent; i++) {
        size_t size = i < count ? sizeof mebibyte : sizeof last;
        sent = (!chunked || server_say(c, "%zx\r\n", size)) &&
               server_send(c, i < count ? mebibyte : last, size) &&
               (!chunked || server_say(c, "\r\n"));
    }
    if (chunked && sent)
        (void)server_say(c, "0\r\n\r\n");
    server_hang_up(c, false);
}

static void answer_silence(struct connection *c, const struct message *m)
{
    (void)m;
    (void)server_client_closed(c);
}

static void answer_half(struct connection *c, const struct message *m)
{
    (void)m;
    (void)server_say(c, OK "Content-Length: 100\r\n\r\nhalf");
    (void)server_client_closed(c);
}

static void answer_wait(struct connection *c, const struct message *m)
{
    (void)m;
    (void)usleep(150000);
    (void)server_reply(c, "waited");
}

static const struct server_path paths[] = {
    {"/fields/", answer_fields},
    {"/line/", answer_line},
    {"/headers", answer_endless_headers},
    {"/interim", answer_endless_interim},
    {"/announced/", answer_announced},
    {"/endless", answer_endless},
    {"/bomb/", answer_bomb},
    {"/silence", answer_silence},
    {"/half", answer_half},
    {"/wait", answer_wait},
    {NULL, NULL},
};

static void refused(eddy_http_session *session, const char *path, int code, const char *says)
{
    eddy_http_response *response;
    int r = eddy_http_get(session, at(path), &response);
    if (r != code)
        fail_msg("%s gives %d: %s", path, r, eddy_failure_message(eddy_last_failure()));
    assert_says(says);
    assert_says("GET http://127.0.0.1");
}

CLIENT_TEST(headers)
{
    eddy_http_session *session = session_with();
    free(get_text(session, at("/fields/255"), NULL));
    refused(session, "/fields/256", -EMSGSIZE,
            "more than 256 header fields (the limit is option max_header_count)");
    free(get_text(session, at("/line/65000"), NULL));
    refused(session, "/line/65536", -EMSGSIZE,
            "headers of more than 65536 bytes (the limit is option max_header_size)");
    refused(session, "/line/300000", -EMSGSIZE, "option max_header_size");
    refused(session, "/headers", -EMSGSIZE, "max_header_count");
    refused(session, "/interim", -EMSGSIZE, "max_header_");
    eddy_http_session_close(session);

    session = session_with(.max_header_count = 3, .max_header_size = 100);
    free(get_text(session, at("/fields/2"), NULL));
    refused(session, "/fields/3", -EMSGSIZE, "more than 3 header fields");
    refused(session, "/line/100", -EMSGSIZE, "more than 100 bytes");
    eddy_http_session_close(session);
    session = session_with(.max_header_size = 262144);
    refused(session, "/line/120000", -EMSGSIZE, "100 KiB");
    free(get_text(session, at("/line/90000"), NULL));
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(whole_body)
{
    eddy_http_session *session = session_with(.max_body_size = 100000);
    eddy_http_response *response;
    char *text;
    size_t size;
    static const char *const good[] = {"/announced/100000", "/announced/1"};
    static const char *const bad[] = {"/announced/100001", "/endless", "/announced/9000000000000"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(eddy_http_get(session, at(good[i]), &response), 0);
        assert_int_equal(eddy_http_read_all(response, &text, &size), 0);
        assert_int_equal(size, atoi(good[i] + 11));
        free(text);
        eddy_http_close(response);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(eddy_http_get(session, at(bad[i]), &response), 0);
        assert_int_equal(eddy_http_read_all(response, &text, &size), -EMSGSIZE);
        assert_says("body of more than 100000 bytes (the limit is option max_body_size)");
        eddy_http_close(response);
    }
    eddy_http_session_close(session);
    return 0;
}

static int read_bomb(eddy_http_session *session, const char *path, size_t *total)
{
    eddy_http_response *response;
    char chunk[EDDY_HTTP_CHUNK];
    ssize_t n;
    *total = 0;
    assert_int_equal(eddy_http_get(session, at(path), &response), 0);
    while ((n = eddy_http_read_chunk(response, chunk, sizeof chunk)) > 0)
        *total += (size_t)n;
    eddy_http_close(response);
    return (int)n;
}

CLIENT_TEST(packed_body)
{
    eddy_http_session *session = session_with();
    size_t total, before = mallinfo2().uordblks;
    assert_int_equal(read_bomb(session, "/bomb/1", &total), 0); /* small ones may */
    assert_int_equal(total, 1 << 20);
    assert_int_equal(read_bomb(session, "/bomb/100", &total), -EMSGSIZE);
    assert_says("body packed more than 200 to 1 (the limit is option max_compression_ratio)");
    assert_true(total < 20 << 20);
    assert_int_equal(read_bomb(session, "/bomb/101", &total), -EMSGSIZE);
    assert_says("max_compression_ratio");
    assert_true(mallinfo2().uordblks < before + (20 << 20));
    eddy_http_session_close(session);

    session = session_with(.max_compression_ratio = 2000, .max_decompressed_size = 50 << 20);
    assert_int_equal(read_bomb(session, "/bomb/30", &total), 0);
    assert_int_equal(total, 30 << 20);
    assert_int_equal(read_bomb(session, "/bomb/100", &total), -EMSGSIZE);
    assert_says("more than 52428800 bytes unpacked (option max_decompressed_size)");
    eddy_http_session_close(session);
    return 0;
}

/* Nobody reads: the server is stopped, and little waits in memory. */
CLIENT_TEST(back_pressure)
{
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    char chunk[EDDY_HTTP_CHUNK];
    size_t total = 0;
    assert_int_equal(eddy_http_get(session, at("/announced/100000000"), &response), 0);
    assert_int_equal(eddy_sleep(0.1), 0);
    size_t before = mallinfo2().uordblks;
    assert_int_equal(eddy_sleep(0.3), 0);
    assert_true(mallinfo2().uordblks < before + 10000);
    assert_true(before < 8 << 20);
    while (total < 100000000) {
        ssize_t n = eddy_http_read_chunk(response, chunk, sizeof chunk);
        assert_true(n > 0);
        total += (size_t)n;
        if (total % 7777 == 0)
            assert_int_equal(eddy_sleep(0.001), 0);
        size_t now = mallinfo2().uordblks;
        if (now >= before + (256 << 10))
            fail_msg("%zu bytes after %zu were read, %zu before", now, total, before);
    }
    assert_int_equal(eddy_http_read_chunk(response, chunk, sizeof chunk), 0);
    eddy_http_close(response);
    eddy_http_session_close(session);
    return 0;
}

CLIENT_TEST(timeouts)
{
    eddy_http_session *session = session_with(.timeout = 0.1, .max_connections = 1);
    eddy_http_response *response;
    char *text;
    double began = eddy_time();
    refused(session, "/silence", -ETIMEDOUT, "no answer within 0.1 seconds (option timeout)");
    assert_in_range((eddy_time() - began) * 1000, 100, 5000);

    /* One request's own. */
    struct eddy_http_request_options request = {.url = at("/half"), .timeout = 1};
    assert_int_equal(eddy_http_request(session, &request, &response), 0);
    assert_int_equal(eddy_http_read_all(response, &text, NULL), -ETIMEDOUT);
    assert_says("the body wasn't whole within 1 seconds (option timeout)");
    eddy_http_close(response);
    request = (struct eddy_http_request_options){.url = at("/wait"), .timeout = 20};
    assert_int_equal(eddy_http_request(session, &request, &response), 0);
    eddy_http_close(response);
    request.timeout = EDDY_FOREVER;
    assert_int_equal(eddy_http_request(session, &request, &response), 0);
    eddy_http_close(response);

    /* Waiting for a connection counts. */
    request = (struct eddy_http_request_options){.url = at("/half"), .timeout = 20};
    assert_int_equal(eddy_http_request(session, &request, &response), 0);
    refused(session, "/wait", -ETIMEDOUT, "no answer within 0.1 seconds");
    eddy_http_close(response);

    /* The caller's own timeout. */
    request = (struct eddy_http_request_options){.url = at("/silence"), .timeout = 5};
    assert_int_equal(eddy_wait_for(eddy_http_request(session, &request, &response), 0.05),
                     -ETIMEDOUT);
    eddy_http_session_close(session);
    return 0;
}

/* An answer that was here in time may be read later. */
CLIENT_TEST(late_reader)
{
    eddy_http_session *session = session_with(.timeout = 3);
    eddy_http_response *response;
    char *text;
    assert_int_equal(eddy_http_get(session, at("/wait"), &response), 0);
    assert_int_equal(eddy_sleep(3.1), 0);
    assert_int_equal(eddy_http_read_all(response, &text, NULL), 0);
    assert_string_equal(text, "waited");
    free(text);
    eddy_http_close(response);
    eddy_http_session_close(session);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers),     cmocka_unit_test(whole_body),
        cmocka_unit_test(packed_body), cmocka_unit_test(back_pressure),
        cmocka_unit_test(timeouts),    cmocka_unit_test(late_reader),
    };
    return HARNESS_MAIN(paths, tests);
}
