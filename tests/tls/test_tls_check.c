/* SPDX-License-Identifier: MIT */
/* Which certificates are taken, and in what words others are refused. */
#include "tls/tls_test.h"

static bool served;
static char asked_for[64];

static int echo_noted(eddy_stream *stream, void *context)
{
    served = true;
    (void)snprintf(asked_for, sizeof asked_for, "%s", eddy_tls_server_name(stream));
    return echo(stream, context);
}

/* The server shows this certificate; the client wants localhost, or this name, or fails so. */
static int check(const char *certificate, const char *name, eddy_tls_context *client, int code,
                 const char *said, const char *alert)
{
    static struct site site;
    served = false;
    CHECK_INT(site_open(&site, server_of(certificate), echo_noted), 0);
    CHECK_INT(visit(site.port, client, name), code);
    if (said)
        CHECK_CONTAINS(last_message(), said);
    CHECK_INT(eddy_sleep(1), 0);
    site_close(&site);
    CHECK_INT(served, code == 0); /* who is refused hears of it before its handshake is over */
    if (alert)
        CHECK_REPORT(EDDY_LOG_TASK_LOST, "the connection from 127.0.0.1");
    return 0;
}

static int refused(const char *certificate, const char *name, const char *said)
{
    return check(certificate, name, client_of_root(), -EKEYREJECTED, said, "refused");
}

static int taken(const char *certificate, const char *name, eddy_tls_context *client)
{
    return check(certificate, name, client, 0, NULL, NULL);
}

TEST(rule_203_an_expired_certificate_is_refused)
{
    CHECK_INT(refused("expired.pem", "localhost", "the certificate of localhost expired on 20"), 0);
    CHECK_CONTAINS(last_message(), " UTC");
    return 0;
}

TEST(one_of_the_future_is_refused)
{
    return refused("future.pem", "localhost", "the certificate of localhost isn't valid before 20");
}

TEST(a_self_signed_certificate_is_refused)
{
    return refused("self.pem", "localhost",
                   "the certificate of localhost is self-signed, and not among the roots");
}

TEST(one_of_an_unknown_authority_is_refused)
{
    CHECK_INT(refused("leaf.pem", "localhost",
                      "the certificate of localhost was issued by 'Middle of the tests', which is "
                      "not among the roots"),
              0);
    return check("localhost.pem", "localhost", client_with(.any_name = false), -EKEYREJECTED,
                 "was issued by 'Root of the tests', which is not among the roots", "refused");
}

TEST(rule_203_one_of_another_name_is_refused)
{
    CHECK_INT(
        refused("two.pem", "c.test", "the certificate is for a.test, *.b.test; not for c.test"), 0);
    CHECK_INT(
        refused("two.pem", NULL, "the certificate is for a.test, *.b.test; not for 127.0.0.1"), 0);
    CHECK_INT(refused("two.pem", "b.test", "not for b.test"), 0);
    CHECK_INT(refused("part.pem", "www.d.test", "is for w*.d.test; not for www.d.test"), 0);
    CHECK_INT(refused("two.pem", "x.y.b.test", "not for x.y.b.test"), 0);
    CHECK_INT(refused("localhost.pem", "127.0.0.2",
                      "the certificate is for localhost, 127.0.0.1; not for 127.0.0.2"),
              0);
    return 0;
}

/* OpenSSL takes the first for "any name in b.test". */
TEST(what_can_be_no_name_is_refused)
{
    CHECK_INT(check("two.pem", ".b.test", client_of_root(), -EINVAL, ".b.test can't be", "refused"),
              0);
    return check("two.pem", ".", client_of_root(), -EINVAL, ". can't be", "refused");
}

TEST(an_address_with_a_scope_is_checked_without)
{
    CHECK_INT(taken("scope.pem", "fe80::1%lo", client_of_root()), 0);
    return refused("scope.pem", "fe80::2%lo", "the certificate is for fe80::1; not for fe80::2%lo");
}

TEST(a_client_s_certificate_is_no_server_s_name)
{
    return refused("client.pem", "localhost", "the certificate is for client; not for localhost");
}

TEST(names_and_addresses_that_fit_are_taken)
{
    CHECK_INT(taken("localhost.pem", "localhost", client_of_root()), 0);
    CHECK_TEXT(asked_for, "localhost");
    CHECK_INT(taken("localhost.pem", "LOCALHOST.", client_of_root()), 0);
    CHECK_TEXT(asked_for, "LOCALHOST");
    CHECK_INT(taken("localhost.pem", NULL, client_of_root()), 0);
    CHECK_TEXT(asked_for, ""); /* an address is no name: RFC 6066 */
    CHECK_INT(taken("two.pem", "a.test", client_of_root()), 0);
    CHECK_INT(taken("two.pem", "x.b.test", client_of_root()), 0);
    CHECK_INT(taken("chain.pem", "localhost", client_of_root()), 0);
    return 0;
}

TEST(what_was_named_as_a_root_is_trusted)
{
    CHECK_INT(taken("self.pem", "localhost", client_with(.ca_file = certificate_path("self.pem"))),
              0);
    CHECK_INT(
        taken("leaf.pem", "localhost", client_with(.ca_file = certificate_path("middle.pem"))), 0);
    char text[4096] = "";
    FILE *file = fopen(certificate_path("root.pem"), "r");
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    CHECK_INT(taken("localhost.pem", "localhost", client_with(.ca_text = text)), 0);
    CHECK_INT(taken("self.pem", "localhost",
                    client_with(.ca_text = text, .ca_file = certificate_path("self.pem"))),
              0);
    return 0;
}

TEST(whoever_asks_for_it_is_not_checked)
{
    CHECK_INT(taken("two.pem", "c.test",
                    client_with(.ca_file = certificate_path("root.pem"), .any_name = true)),
              0);
    CHECK_INT(check("self.pem", "localhost",
                    client_with(.ca_file = certificate_path("root.pem"), .any_name = true),
                    -EKEYREJECTED, "self-signed", "refused"),
              0);
    CHECK_INT(taken("self.pem", "c.test", client_with(.verify = EDDY_TLS_VERIFY_NONE)), 0);
    return 0;
}

/* ---- names that are told ---- */

static int names_of(const char *certificate, const char *expected)
{
    static struct site site;
    eddy_stream *stream;
    char names[256], less[6] = "";
    CHECK_INT(site_open(&site, server_of(certificate), echo), 0);
    eddy_tls_context *client = client_with(.ca_file = certificate_path("root.pem"),
                                           .any_name = true);
    int r = eddy_tls_connect("127.0.0.1", site.port, client, NULL, &stream);
    eddy_tls_context_close(client);
    CHECK_INT(r, 0);
    CHECK_INT(eddy_tls_peer_names(stream, names, sizeof names), strlen(expected));
    CHECK_TEXT(names, expected);
    CHECK_INT(eddy_tls_peer_names(stream, less, sizeof less), strlen(expected));
    CHECK_INT(strlen(less), sizeof less - 1);
    CHECK(strncmp(less, names, sizeof less - 1) == 0);
    CHECK_INT(eddy_tls_peer_names(stream, NULL, 0), strlen(expected));
    CHECK_INT(eddy_tls_shutdown(stream), 0);
    eddy_stream_close(stream);
    site_close(&site);
    return 0;
}

TEST(no_name_looks_like_another_or_like_several)
{
    CHECK_INT(names_of("two.pem", "a.test, *.b.test"), 0);
    CHECK_INT(names_of("odd.pem", "\"a.test, b.test\", \"\", \"192.0.2.1\", \"::1\", "
                                  "\"say \\\"a\\\\b\\\"\", \"a\\x0ab\", plain.test"),
              0);
    CHECK_INT(names_of("comma.pem", "\"Some, Inc. \\x7f\""), 0);
    CHECK_INT(names_of("client.pem", "client"), 0);
    return 0;
}

/* ---- clients' certificates ---- */

static int check_client(const char *certificate, enum eddy_tls_verify verify, const char *alert)
{
    const struct eddy_tls_certificate own = {certificate_path("localhost.pem"), NULL, NULL};
    static struct site site;
    CHECK_INT(site_open(&site,
                        server_with(.certificates = &own, .certificate_count = 1, .verify = verify,
                                    .ca_file = certificate_path("root.pem")),
                        echo),
              0);
    const struct eddy_tls_certificate shown = {certificate ? certificate_path(certificate) : NULL,
                                               NULL, NULL};
    eddy_tls_context *client = client_with(.ca_file = certificate_path("root.pem"),
                                           .certificates = &shown,
                                           .certificate_count = certificate ? 1 : 0);
    int r = visit(site.port, client, "localhost");
    if (alert) {
        CHECK_INT(r, -EPROTO); /* by the time the server refuses, the client's handshake is over */
        CHECK_CONTAINS(last_message(), alert);
    } else {
        CHECK_INT(r, 0);
    }
    CHECK_INT(eddy_sleep(1), 0);
    site_close(&site);
    return 0;
}

TEST(rule_203_a_server_checks_its_clients)
{
    CHECK_INT(check_client("client.pem", EDDY_TLS_VERIFY_REQUIRED, NULL), 0);
    CHECK_INT(check_client(NULL, EDDY_TLS_VERIFY_OPTIONAL, NULL), 0);
    CHECK_INT(check_client(NULL, EDDY_TLS_VERIFY_REQUIRED, "certificate required"), 0);
    CHECK_REPORT(EDDY_LOG_TASK_LOST, "the connection from");
    CHECK_INT(check_client("self.pem", EDDY_TLS_VERIFY_OPTIONAL,
                           "the peer refused by the alert \"unknown CA\""),
              0);
    CHECK_REPORT(EDDY_LOG_TASK_LOST, "the connection from");
    return 0;
}

static int name_of_client(eddy_stream *stream, void *context)
{
    (void)context;
    char name[64];
    int r = eddy_tls_peer_names(stream, name, sizeof name);
    if (r < 0)
        (void)snprintf(name, sizeof name, "%s", eddy_error_name(r));
    note("%s", name);
    return 0;
}

TEST(a_server_knows_its_client_by_its_certificate)
{
    const struct eddy_tls_certificate own = {certificate_path("localhost.pem"), NULL, NULL};
    const struct eddy_tls_certificate shown = {certificate_path("client.pem"), NULL, NULL};
    static struct site site;
    CHECK_INT(site_open(&site,
                        server_with(.certificates = &own, .certificate_count = 1,
                                    .verify = EDDY_TLS_VERIFY_OPTIONAL,
                                    .ca_file = certificate_path("root.pem")),
                        name_of_client),
              0);
    for (size_t count = 0; count < 2; count++) {
        eddy_tls_context *client = client_with(.ca_file = certificate_path("root.pem"),
                                               .certificates = &shown, .certificate_count = count);
        eddy_stream *stream;
        char byte;
        CHECK_INT(eddy_tls_connect("127.0.0.1", site.port, client, NULL, &stream), 0);
        CHECK_INT(eddy_stream_read(stream, &byte, 1), 0);
        CHECK_INT(eddy_tls_shutdown(stream), 0);
        eddy_stream_close(stream);
        eddy_tls_context_close(client);
    }
    CHECK_NOTES("ENOENT client");
    site_close(&site);
    return 0;
}
