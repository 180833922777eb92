/* SPDX-License-Identifier: MIT */
/*
 * Memory that can't be had, in eddy-tls and in OpenSSL: each allocation of either fails once (every
 * so many of OpenSSL's, unless EDDY_TEST_EACH_ALLOCATION is set). No crash, nothing that hangs,
 * nothing of eddy-tls's left behind, a documented error, no certificate that passes because its
 * check couldn't be made, and then all goes on.
 *
 * OpenSSL itself survives that, but it caches what it has looked up, so that not every run makes
 * every allocation, and keeps some of it: only what eddy-tls asked for is counted for leaks.
 */
#define TEST_DEFAULTS .real_system = true, .patience = 600
#include <openssl/crypto.h>
#include <openssl/err.h>
#include "tls/tls_scenarios.h"

/* ---- OpenSSL's allocator ---- */

static const char *only; /* allocations of files that have this in their names; NULL: all */
static bool watching;    /* between the contexts' making and closing, say */
static size_t allocations, refused_at;
static long own_kept; /* by eddy-tls, at this moment */
static bool refused;

enum { HEADER = 16 }; /* whose it is, and all stays aligned */

/* Some of OpenSSL's own calls name no file. */
static bool is_own(const char *file)
{
    return file && strstr(file, "src/tls/");
}

static bool refuses(const char *file)
{
    if (!watching || (only && !(file && strstr(file, only))) || ++allocations != refused_at)
        return false;
    refused = true;
    return true;
}

static void *allocate(size_t size, const char *file, int line)
{
    (void)line;
    char *memory = refuses(file) ? NULL : malloc(HEADER + size);
    if (!memory)
        return NULL;
    *(bool *)memory = is_own(file);
    own_kept += is_own(file);
    return memory + HEADER;
}

static void release(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    if (!memory)
        return;
    char *begin = (char *)memory - HEADER;
    own_kept -= *(bool *)begin;
    free(begin);
}

static void *reallocate(void *memory, size_t size, const char *file, int line)
{
    if (!memory)
        return allocate(size, file, line);
    if (!size) {
        release(memory, file, line);
        return NULL;
    }
    char *larger = refuses(file) ? NULL : realloc((char *)memory - HEADER, HEADER + size);
    return larger ? larger + HEADER : NULL;
}

/* Before OpenSSL allocates anything. */
__attribute__((__constructor__)) static void take_over_memory(void)
{
    if (!CRYPTO_set_mem_functions(allocate, reallocate, release))
        abort();
}

/* ---- what is run ---- */

static int contexts_open(void)
{
    static const char *const protocols[] = {"h2", NULL};
    const struct eddy_tls_certificate site[] = {
        {certificate_path("localhost.pem"), certificate_path("key.pem"), NULL},
        {certificate_path("ec-local.pem"), NULL, NULL}};
    const struct eddy_tls_context_options server = {
        .certificates = site, .certificate_count = 2, .protocols = protocols};
    const struct eddy_tls_context_options client = {.ca_file = certificate_path("root.pem"),
                                                    .protocols = protocols};
    int r = eddy_tls_context_open(EDDY_TLS_SERVER, &server, &server_context);
    if (r < 0)
        return r;
    r = eddy_tls_context_open(EDDY_TLS_CLIENT, &client, &client_context);
    if (r < 0)
        eddy_tls_context_close(server_context);
    return r;
}

static void contexts_close(void)
{
    eddy_tls_context_close(client_context);
    eddy_tls_context_close(server_context);
}

static const char *wanted_name; /* whom the client asks for */

static int greet(int port)
{
    const struct eddy_tls_options options = {.server_name = wanted_name};
    eddy_stream *stream;
    char line[16], names[64];
    int r = eddy_tls_connect("127.0.0.1", port, client_context, &options, &stream);
    if (r < 0)
        return r;
    ssize_t n = eddy_stream_write(stream, "hello\n", 6);
    if (n > 0)
        n = eddy_stream_read_line(stream, line, sizeof line);
    if (n > 0)
        EXPECT_TEXT(line, "hello\n");
    (void)eddy_tls_peer_names(stream, names, sizeof names);
    (void)eddy_tls_peer_certificate(stream, line, sizeof line);
    if (n >= 0)
        n = eddy_tls_shutdown(stream);
    eddy_stream_close(stream);
    return (int)n;
}

static int conversation(void)
{
    return with_service(echo, greet);
}

static int contexts_and_all(void)
{
    int r = contexts_open();
    if (r < 0)
        return r;
    r = conversation();
    if (r == 0)
        r = eddy_tls_context_reload(server_context);
    contexts_close();
    return r;
}

static int contexts_alone(void)
{
    int r = contexts_open();
    if (r < 0)
        return r;
    r = eddy_tls_context_reload(client_context);
    contexts_close();
    return r;
}

/* ---- each allocation once ---- */

static int run(int (*scenario)(void), size_t number)
{
    allocations = 0;
    refused_at = number;
    refused = false;
    watching = true;
    int r = test_run(scenario);
    watching = false;
    while (ERR_get_error()) /* what the plain calls left for their caller's next one */
        EXPECT(number);
    for (struct finding_record *record; (record = findings_next_report());)
        record->asked_for = true; /* the server's side */
    return r;
}

/* Thousands take minutes on a busy machine: `make torture` asks for each. */
#define RUNS_MOST 200

struct outcome {
    size_t runs, failed;
};

static bool is_expected(int r)
{
    return r == 0 || is_failure_of_either(r) || r == -EKEYREJECTED || r == -EINVAL;
}

static struct outcome each_fails(int (*scenario)(void), int expected)
{
    struct outcome outcome = {.runs = 0};
    long kept = own_kept;
    EXPECT_INT(run(scenario, 0), expected);
    EXPECT_INT(run(scenario, 0), expected);
    EXPECT_INT(own_kept, kept);
    size_t step = getenv("EDDY_TEST_EACH_ALLOCATION") ? 1 : allocations / RUNS_MOST + 1;
    for (size_t i = 1; !eddy_test_failed(); i += step) {
        int r = run(scenario, i);
        if (!refused)
            break;
        outcome.runs++;
        outcome.failed += r != expected;
        EXPECT(is_expected(r));
        EXPECT_INT(nothing_wrong(), 0);
        EXPECT(expected == 0 || r < 0);
        EXPECT_INT(own_kept, kept);
        if (eddy_test_failed())
            printf("allocation %zu: %d\n", i, r);
    }
    EXPECT_INT(run(scenario, 0), expected);
    printf("%zu allocations, each %zu., %zu of them needed\n", outcome.runs, step, outcome.failed);
    return outcome;
}

PLAIN_TEST(each_allocation_of_eddy_tls_fails_once)
{
    only = "src/tls/";
    wanted_name = NULL;
    EXPECT(each_fails(contexts_and_all, 0).failed > 10);
}

PLAIN_TEST(each_allocation_of_OpenSSL_fails_once)
{
    only = NULL;
    wanted_name = NULL;
    EXPECT_INT(contexts_open(), 0);
    EXPECT(each_fails(conversation, 0).failed > 20);
    contexts_close();
}

PLAIN_TEST(each_allocation_of_a_context_fails_once)
{
    only = NULL;
    EXPECT(each_fails(contexts_alone, 0).failed > 10);
}

/* What OpenSSL has half made of it must not go out in the place of what is written next. */
TEST(a_write_that_failed_is_never_sent_as_part_of_another)
{
    static struct site site;
    eddy_stream *stream;
    static const char first[5000], second[6000] = "second";
    CHECK_INT(site_with_visitor(&site, echo, &stream), 0);
    CHECK_INT(exchange_hello(stream), 0);
    only = "src/tls/";
    allocations = 0;
    refused_at = 1;
    watching = true;
    ssize_t n = eddy_stream_write(stream, first, sizeof first);
    watching = false;
    CHECK_INT(n, -ENOMEM);
    CHECK_INT(eddy_stream_write(stream, second, sizeof second), -EPIPE);
    CHECK_CONTAINS(last_message(), "failed before");
    eddy_stream_close(stream);
    CHECK_INT(eddy_sleep(1), 0);
    site_close(&site);
    CHECK_REPORT(EDDY_LOG_TASK_LOST, "the connection from");
    return 0;
}

/* OpenSSL 3.0 skips the check of the name if it has no memory to take the name along to it. */
PLAIN_TEST(rule_203_no_failed_allocation_lets_a_wrong_name_pass)
{
    static const char *const lists[] = {"crypto/x509/x509_vpm.c", NULL};
    for (size_t i = 0; i < 2 && !eddy_test_failed(); i++) {
        only = lists[i];
        wanted_name = "else.where";
        EXPECT_INT(contexts_open(), 0);
        EXPECT(each_fails(conversation, -EKEYREJECTED).failed > 0);
        contexts_close();
    }
}

PLAIN_TEST(rule_203_no_failed_allocation_lets_a_wrong_address_pass)
{
    only = "crypto/x509/x509_vpm.c";
    wanted_name = "127.0.0.2";
    EXPECT_INT(contexts_open(), 0);
    EXPECT(each_fails(conversation, -EKEYREJECTED).failed > 0);
    contexts_close();
}
