/* SPDX-License-Identifier: MIT */
/*
 * What the client's tests share.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <unistd.h>
#include <dlfcn.h>
#include "harness.h"
#include "support/entries.h"

struct server *harness_server;

/* The resolver that everything in this program gets: visible also if the rest is built hidden.
 * freeaddrinfo frees what the real one made. */
__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **result)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    size_t length = name ? strlen(name) : 0;
    if (name && strcmp(name, "slow.test") == 0)
        sleep(2);
    if (length > 5 && strcmp(name + length - 5, ".test") == 0)
        name = "127.0.0.1";
    return real(name, service, hints, result);
}

int open_descriptors(void)
{
    size_t count = count_entries("/proc/self/fd");
    assert_true(count > 0);
    return (int)count;
}

struct harness_test {
    int (*test)(void);
};

static int harness_test(struct harness_test *a)
{
    return a->test();
}

void harness_run(int (*test)(void))
{
    /* The server closes its ends in threads of its own. */
    for (int tries = 0; server_open(harness_server) && tries < 500; tries++)
        usleep(10000);
    int before = open_descriptors();
    server_reset_counts(harness_server);
    assert_int_equal(eddy_run(harness_test, .test = test), 0);
    for (int tries = 0; server_open(harness_server) && tries < 1200; tries++)
        usleep(10000);
    int after = open_descriptors();
    for (int tries = 0; after != before && tries < 300; tries++) { /* a resolver left behind */
        usleep(10000);
        after = open_descriptors();
    }
    assert_int_equal(after, before);
}

const char *at_host(const char *host, const char *path)
{
    static char buffers[8][2048];
    static unsigned next;
    char *buffer = buffers[next++ % 8];
    (void)snprintf(buffer, sizeof buffers[0], "http://%s:%d%s", host, server_port(harness_server),
                   path);
    return buffer;
}

const char *at(const char *path)
{
    return at_host("127.0.0.1", path);
}

eddy_http_session *open_session(struct eddy_http_options options)
{
    eddy_http_session *session;
    assert_int_equal(eddy_http_session_open(&session, &options), 0);
    return session;
}

char *get_text(eddy_http_session *session, const char *url, int *status)
{
    eddy_http_response *response;
    char *text;
    int r = eddy_http_get(session, url, &response);
    if (r < 0)
        eddy_failure_print(eddy_last_failure(), stderr);
    assert_int_equal(r, 0);
    if (status)
        *status = eddy_http_status(response);
    assert_int_equal(eddy_http_read_all(response, &text, NULL), 0);
    eddy_http_close(response);
    return text;
}

void assert_says(const char *text)
{
    const char *message = eddy_failure_message(eddy_last_failure());
    if (!strstr(message, text))
        fail_msg("expected \"%s\" in \"%s\"", text, message);
}

int harness_main(const struct server_path *paths, const struct CMUnitTest *tests, size_t count)
{
    harness_server = server_start(paths);
    int failed = _cmocka_run_group_tests("client", tests, count, NULL, NULL);
    server_stop(harness_server);
    return failed;
}
