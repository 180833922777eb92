/* SPDX-License-Identifier: MIT */
/* Contexts: what files and options they refuse, certificates by name, reloading, sessions,
 * protocols. */
#include "tls/tls_test.h"
#include <sys/stat.h>
#include "tls/tls.h"

#define ONE(...) (const struct eddy_tls_certificate[]){{__VA_ARGS__}}, .certificate_count = 1

static int open_code(enum eddy_tls_side side, const struct eddy_tls_context_options *options)
{
    eddy_tls_context *context = NULL;
    int r = eddy_tls_context_open(side, options, &context);
    EXPECT(r < 0 ? !context : context != NULL);
    eddy_tls_context_close(context);
    return r;
}

#define CHECK_SERVER(code, said, ...)                                                              \
    CHECK_OPEN(EDDY_TLS_SERVER, code, said, (&(const struct eddy_tls_context_options){__VA_ARGS__}))
#define CHECK_CLIENT(code, said, ...)                                                              \
    CHECK_OPEN(EDDY_TLS_CLIENT, code, said, (&(const struct eddy_tls_context_options){__VA_ARGS__}))
#define CHECK_OPEN(side, code, said, options)                                                      \
    do {                                                                                           \
        CHECK_INT(open_code(side, options), code);                                                 \
        if ((code) < 0)                                                                            \
            CHECK_CONTAINS(last_message(), said);                                                  \
    } while (0)

TEST(bad_files_are_named)
{
    const char *own = certificate_path("localhost.pem"), *key = certificate_path("key.pem");
    const char *none = certificate_path("none.pem"), *locked = certificate_path("locked.pem");
    const char *root = certificate_path("root.pem");
    CHECK_SERVER(0, "", .certificates = ONE(own, NULL, NULL));
    CHECK_SERVER(0, "", .certificates = ONE(own, key, NULL));
    CHECK_SERVER(0, "", .certificates = ONE(own, locked, "secret"));
    CHECK_SERVER(-EINVAL, "locked.pem is encrypted, and no password was given",
                 .certificates = ONE(own, locked, NULL));
    for (int i = 0; i < 300; i++) { /* one of 256 decrypts to something */
        char wrong[8];
        (void)snprintf(wrong, sizeof wrong, "w%d", i);
        CHECK_SERVER(-EINVAL, "locked.pem can't be read", .certificates = ONE(own, locked, wrong));
    }
    CHECK_SERVER(-ENOENT, "none.pem", .certificates = ONE(none, NULL, NULL));
    CHECK_SERVER(-ENOENT, "the private key of ", .certificates = ONE(own, none, NULL));
    CHECK_SERVER(-EINVAL, "key.pem holds no certificate", .certificates = ONE(key, NULL, NULL));
    CHECK_SERVER(-EINVAL, "root.pem holds no private key", .certificates = ONE(root, NULL, NULL));
    CHECK_SERVER(-EINVAL, "isn't that of the certificate of ",
                 .certificates = ONE(certificate_path("two.pem"), key, NULL));
    CHECK_CLIENT(0, "", .ca_file = root);
    CHECK_CLIENT(-ENOENT, "none.pem", .ca_file = none);
    CHECK_CLIENT(-EINVAL, "key.pem", .ca_file = key);
    CHECK_CLIENT(-EINVAL, "ca_text holds no certificate", .ca_text = "nothing");
    CHECK_CLIENT(-ENOENT, "none/log: No such file", .ca_file = root, .key_log_file = "none/log");
    return 0;
}

TEST(bad_options_are_refused)
{
    const char *own = certificate_path("localhost.pem"), *root = certificate_path("root.pem");
    static const char *const empty[] = {"h2", "", NULL};
    CHECK_SERVER(-EINVAL, "a server needs a certificate", .ca_file = root);
    CHECK_SERVER(-EINVAL, "and NULL", .certificate_count = 1);
    CHECK_SERVER(-EINVAL, "at most 1024", .certificates = NULL, .certificate_count = 2000);
    CHECK_SERVER(-EINVAL, "certificate 0 has no file", .certificates = ONE(NULL, NULL, NULL));
    CHECK_SERVER(-EINVAL, "clients aren't to be verified", .certificates = ONE(own, NULL, NULL),
                 .ca_file = root);
    CHECK_CLIENT(-EINVAL, "TLS before 1.2", .least = (enum eddy_tls_protocol_number)0x0302);
    CHECK_CLIENT(-EINVAL, "TLS before 1.2", .most = (enum eddy_tls_protocol_number)0x0302);
    CHECK_CLIENT(-EINVAL, "none between", .least = EDDY_TLS_1_3, .most = EDDY_TLS_1_2);
    CHECK_CLIENT(-EINVAL, "no cipher \"NONSENSE\"", .ca_file = root, .ciphers = "NONSENSE");
    CHECK_CLIENT(-EINVAL, "a protocol's name of 0 bytes", .protocols = empty);
    CHECK_CLIENT(-EINVAL, "verify is 9", .verify = (enum eddy_tls_verify)9);
    eddy_tls_context *context;
    CHECK_INT(eddy_tls_context_open(EDDY_TLS_CLIENT, NULL, NULL), -EINVAL);
    CHECK_INT(eddy_tls_context_open((enum eddy_tls_side)7, NULL, &context), -EINVAL);
    CHECK_INT(eddy_tls_context_reload(NULL), -EINVAL);
    eddy_tls_context_close(NULL);
    return 0;
}

/* ---- one of several certificates ---- */

/* Whom the server shows itself as, to one who asks for that name. */
static int shown(int port, eddy_tls_context *client, const char *name, const char *expected)
{
    eddy_stream *stream;
    char names[64];
    struct eddy_tls_options options = {.server_name = name};
    CHECK_INT(eddy_tls_connect("127.0.0.1", port, client, &options, &stream), 0);
    CHECK(eddy_tls_peer_names(stream, names, sizeof names) > 0);
    CHECK_TEXT(names, expected);
    CHECK_INT(exchange_hello(stream), 0);
    CHECK_INT(eddy_tls_shutdown(stream), 0);
    eddy_stream_close(stream);
    return 0;
}

TEST(the_certificate_is_chosen_by_the_name_asked_for)
{
    const struct eddy_tls_certificate all[] = {{certificate_path("localhost.pem"), NULL, NULL},
                                               {certificate_path("two.pem"), NULL, NULL},
                                               {certificate_path("three.pem"), NULL, NULL}};
    static struct site site;
    CHECK_INT(site_open(&site, server_with(.certificates = all, .certificate_count = 3), echo), 0);
    eddy_tls_context *client = client_with(.ca_file = certificate_path("root.pem"),
                                           .any_name = true, .no_sessions = true);
    CHECK_INT(shown(site.port, client, "localhost", "localhost, 127.0.0.1"), 0);
    CHECK_INT(shown(site.port, client, "a.test", "a.test, *.b.test"), 0);
    CHECK_INT(shown(site.port, client, "any.b.test", "a.test, *.b.test"), 0);
    CHECK_INT(shown(site.port, client, "c.test", "c.test"), 0);
    CHECK_INT(shown(site.port, client, "unknown.test", "localhost, 127.0.0.1"), 0);
    CHECK_INT(shown(site.port, client, NULL, "localhost, 127.0.0.1"), 0);
    eddy_tls_context_close(client);
    site_close(&site);
    return 0;
}

/* ---- one of each type of key ---- */

/* What a client that can check no other signatures is shown; "" if there is nothing for it. */
static int shown_to(int port, enum eddy_tls_protocol_number version, const char *signatures,
                    const char *name, const char *expected)
{
    eddy_stream *stream;
    char names[64], type[16] = "";
    unsigned char bytes[4096];
    const unsigned char *at = bytes;
    eddy_tls_context *client = client_with(.ca_file = certificate_path("root.pem"),
                                           .any_name = true, .least = version, .most = version);
    struct eddy_tls_options options = {.server_name = name};
    CHECK(SSL_CTX_set1_sigalgs_list(client->identity->certificates[0].ssl_context, signatures));
    int r = eddy_tls_connect("127.0.0.1", port, client, &options, &stream);
    eddy_tls_context_close(client);
    if (!expected[0]) {
        CHECK_INT(r, -EPROTO);
        CHECK_REPORT(EDDY_LOG_TASK_LOST, "failed: Protocol error");
        return 0;
    }
    CHECK_INT(r, 0);
    CHECK(eddy_tls_peer_names(stream, names, sizeof names) > 0);
    ssize_t size = eddy_tls_peer_certificate(stream, bytes, sizeof bytes);
    CHECK(size > 0 && (size_t)size <= sizeof bytes);
    X509 *certificate = d2i_X509(NULL, &at, size);
    (void)snprintf(type, sizeof type, "%s", EVP_PKEY_get0_type_name(X509_get0_pubkey(certificate)));
    X509_free(certificate);
    char text[96];
    (void)snprintf(text, sizeof text, "%s: %s", type, names);
    CHECK_TEXT(text, expected);
    CHECK_INT(exchange_hello(stream), 0);
    CHECK_INT(eddy_tls_shutdown(stream), 0);
    eddy_stream_close(stream);
    return 0;
}

#define RSA "rsa_pss_rsae_sha256:rsa_pkcs1_sha256:ed25519" /* the root's is the last */
#define EC "ECDSA+SHA256:ed25519"

static int check_types(enum eddy_tls_protocol_number version)
{
    const struct eddy_tls_certificate all[] = {{certificate_path("ec.pem"), NULL, NULL},
                                               {certificate_path("rsa-other.pem"), NULL, NULL},
                                               {certificate_path("rsa.pem"), NULL, NULL},
                                               {certificate_path("rsa-more.pem"), NULL, NULL}};
    static struct site site;
    CHECK_INT(site_open(&site, server_with(.certificates = all, .certificate_count = 4), echo), 0);
    CHECK_INT(shown_to(site.port, version, EC, "pair.test", "EC: pair.test, 127.0.0.1"), 0);
    CHECK_INT(shown_to(site.port, version, RSA, "pair.test", "RSA: pair.test, 127.0.0.1"), 0);
    /* Nothing asked for, or by a number: the first one, and who else has all its names. */
    CHECK_INT(shown_to(site.port, version, EC, NULL, "EC: pair.test, 127.0.0.1"), 0);
    CHECK_INT(shown_to(site.port, version, RSA, NULL, "RSA: pair.test, 127.0.0.1"), 0);
    CHECK_INT(shown_to(site.port, version, RSA, "unknown.test", "RSA: pair.test, 127.0.0.1"), 0);
    CHECK_INT(shown_to(site.port, version, EC, "unknown.test", "EC: pair.test, 127.0.0.1"), 0);
    /* A name of one type only. */
    CHECK_INT(shown_to(site.port, version, RSA, "other.test", "RSA: other.test"), 0);
    CHECK_INT(shown_to(site.port, version, EC, "more.test", ""), 0);
    /* Read anew. */
    CHECK_INT(eddy_tls_context_reload(site.service.context), 0);
    CHECK_INT(shown_to(site.port, version, RSA, "pair.test", "RSA: pair.test, 127.0.0.1"), 0);
    site_close(&site);
    return 0;
}

TEST(a_client_is_shown_a_certificate_of_the_type_of_key_that_it_knows_by_TLS_1_3)
{
    return check_types(EDDY_TLS_1_3);
}

TEST(a_client_is_shown_a_certificate_of_the_type_of_key_that_it_knows_by_TLS_1_2)
{
    return check_types(EDDY_TLS_1_2);
}

TEST(of_two_certificates_of_one_name_and_type_the_first_is_shown)
{
    const struct eddy_tls_certificate all[] = {{certificate_path("rsa-more.pem"), NULL, NULL},
                                               {certificate_path("rsa.pem"), NULL, NULL},
                                               {certificate_path("ec.pem"), NULL, NULL}};
    static struct site site;
    CHECK_INT(site_open(&site, server_with(.certificates = all, .certificate_count = 3), echo), 0);
    CHECK_INT(shown_to(site.port, EDDY_TLS_1_3, RSA, "pair.test", "RSA: more.test, pair.test"), 0);
    CHECK_INT(shown_to(site.port, EDDY_TLS_1_3, EC, "pair.test", "EC: pair.test, 127.0.0.1"), 0);
    CHECK_INT(shown_to(site.port, EDDY_TLS_1_3, EC ":rsa_pss_rsae_sha256", NULL,
                       "RSA: more.test, pair.test"),
              0);
    CHECK_INT(shown_to(site.port, EDDY_TLS_1_3, EC, NULL, ""), 0); /* it isn't for more.test */
    site_close(&site);
    return 0;
}

TEST(a_reload_is_for_new_connections)
{
    static struct site site;
    certificate_copy("localhost.pem", "now.pem");
    CHECK_INT(site_open(&site, server_of("now.pem"), echo), 0);
    eddy_tls_context *client = client_with(.ca_file = certificate_path("root.pem"),
                                           .any_name = true, .no_sessions = true);
    eddy_stream *old;
    CHECK_INT(eddy_tls_connect("127.0.0.1", site.port, client, NULL, &old), 0);
    certificate_copy("two.pem", "now.pem");
    CHECK_INT(shown(site.port, client, NULL, "localhost, 127.0.0.1"), 0);
    CHECK_INT(eddy_tls_context_reload(site.service.context), 0);
    CHECK_INT(shown(site.port, client, NULL, "a.test, *.b.test"), 0);
    certificate_copy("root.pem", "now.pem"); /* no key in it */
    CHECK_INT(eddy_tls_context_reload(site.service.context), -EINVAL);
    CHECK_CONTAINS(last_message(), "now.pem holds no private key");
    CHECK_INT(shown(site.port, client, NULL, "a.test, *.b.test"), 0);
    CHECK_INT(exchange_hello(old), 0); /* lives through all that */
    CHECK_INT(eddy_tls_shutdown(old), 0);
    eddy_stream_close(old);
    eddy_tls_context_close(client);
    site_close(&site);
    return 0;
}

/* ---- sessions ---- */

/* 1 if the session was resumed, 0 if not. */
static int resumed(int port, eddy_tls_context *client, const char *name)
{
    eddy_stream *stream;
    struct eddy_tls_options options = {.server_name = name};
    CHECK_INT(eddy_tls_connect("127.0.0.1", port, client, &options, &stream), 0);
    int was = eddy_tls_resumed(stream);
    char names[64];
    CHECK(eddy_tls_peer_names(stream, names, sizeof names) > 0); /* known from the session */
    CHECK_INT(exchange_hello(stream), 0);                        /* the ticket comes before */
    CHECK_INT(eddy_tls_shutdown(stream), 0);
    eddy_stream_close(stream);
    return was;
}

static int check_sessions(enum eddy_tls_protocol_number version)
{
    static struct site site, other;
    CHECK_INT(site_open(&site, server_of("localhost.pem"), echo), 0);
    CHECK_INT(site_open(&other, server_of("localhost.pem"), echo), 0);
    eddy_tls_context *client = client_with(.ca_file = certificate_path("root.pem"),
                                           .most = version);
    CHECK_INT(resumed(site.port, client, "localhost"), 0);
    for (int i = 0; i < 5; i++)
        CHECK_INT(resumed(site.port, client, "localhost"), 1);
    CHECK_INT(resumed(site.port, client, "127.0.0.1"), 0); /* another name to check */
    CHECK_INT(resumed(other.port, client, "localhost"), 0);
    CHECK_INT(eddy_tls_context_reload(site.service.context), 0);
    CHECK_INT(resumed(site.port, client, "localhost"), 1); /* tickets stay good */
    CHECK_INT(eddy_tls_context_reload(client), 0);
    CHECK_INT(resumed(site.port, client, "localhost"), 0);
    eddy_tls_context_close(client);
    client = client_with(.ca_file = certificate_path("root.pem"), .most = version,
                         .no_sessions = true);
    CHECK_INT(resumed(site.port, client, "localhost"), 0);
    CHECK_INT(resumed(site.port, client, "localhost"), 0);
    eddy_tls_context_close(client);
    site_close(&other);
    site_close(&site);
    return 0;
}

TEST(sessions_are_resumed_with_TLS_1_3)
{
    return check_sessions(EDDY_TLS_1_3);
}

TEST(sessions_are_resumed_with_TLS_1_2)
{
    return check_sessions(EDDY_TLS_1_2);
}

/* Connects, and reads nothing: the new tickets that the server sends stay with the system. */
static int resumed_at_once(int port, eddy_tls_context *client)
{
    eddy_stream *stream;
    CHECK_INT(eddy_tls_connect("127.0.0.1", port, client, NULL, &stream), 0);
    int was = eddy_tls_resumed(stream);
    eddy_stream_close(stream);
    return was;
}

TEST(a_session_of_TLS_1_3_is_resumed_once)
{
    static struct site site;
    CHECK_INT(site_open(&site, server_of("localhost.pem"), echo), 0);
    eddy_tls_context *client = client_of_root();
    CHECK_INT(resumed(site.port, client, NULL), 0); /* brings two */
    CHECK_INT(resumed_at_once(site.port, client), 1);
    CHECK_INT(resumed_at_once(site.port, client), 1);
    CHECK_INT(resumed_at_once(site.port, client), 0);
    eddy_tls_context_close(client);
    site_close(&site);
    return 0;
}

TEST(a_session_begun_before_a_reload_is_not_resumed_after_it)
{
    static struct site site;
    eddy_stream *stream;
    CHECK_INT(site_open(&site, server_of("localhost.pem"), echo), 0);
    eddy_tls_context *client = client_of_root();
    CHECK_INT(eddy_tls_connect("127.0.0.1", site.port, client, NULL, &stream), 0);
    CHECK_INT(eddy_tls_context_reload(client), 0);
    CHECK_INT(exchange_hello(stream), 0); /* the tickets come before */
    CHECK_INT(eddy_tls_shutdown(stream), 0);
    eddy_stream_close(stream);
    CHECK_INT(resumed(site.port, client, NULL), 0);
    CHECK_INT(resumed(site.port, client, NULL), 1);
    eddy_tls_context_close(client);
    site_close(&site);
    return 0;
}

/* What is behind the longest names that differ only at their end. */
TEST(a_session_of_another_name_is_never_resumed)
{
    static struct site site;
    char name[256];
    memset(name, 'x', 248);
    CHECK_INT(site_open(&site, server_of("two.pem"), echo), 0);
    eddy_tls_context *client = client_with(.ca_file = certificate_path("root.pem"));
    (void)snprintf(name + 248, sizeof name - 248, ".b.test");
    CHECK_INT(resumed(site.port, client, name), 0);
    CHECK_INT(resumed(site.port, client, name), 1);
    eddy_stream *stream;
    struct eddy_tls_options options = {.server_name = name};
    (void)snprintf(name + 248, sizeof name - 248, ".c.test");
    CHECK_INT(eddy_tls_connect("127.0.0.1", site.port, client, &options, &stream), -EKEYREJECTED);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_REPORT(EDDY_LOG_TASK_LOST, "the connection from");
    eddy_tls_context_close(client);
    site_close(&site);
    return 0;
}

/* A client whose authority isn't trusted any more doesn't get in by a session of before. */
static int check_reload_of_roots(enum eddy_tls_protocol_number version)
{
    static struct site site;
    const char *own = certificate_path("localhost.pem"), *roots = certificate_path("roots.pem");
    certificate_copy("root.pem", "roots.pem");
    CHECK_INT(site_open(&site,
                        server_with(.certificates = ONE(own, NULL, NULL), .ca_file = roots,
                                    .verify = EDDY_TLS_VERIFY_REQUIRED),
                        echo),
              0);
    eddy_tls_context *client = client_with(.ca_file = certificate_path("root.pem"), .most = version,
                                           .certificates = ONE(certificate_path("client.pem"), NULL,
                                                               NULL));
    CHECK_INT(resumed(site.port, client, "localhost"), 0);
    CHECK_INT(resumed(site.port, client, "localhost"), 1);
    certificate_copy("self.pem", "roots.pem");
    CHECK_INT(eddy_tls_context_reload(site.service.context), 0);
    eddy_stream *stream;
    struct eddy_tls_options options = {.server_name = "localhost"};
    int r = eddy_tls_connect("127.0.0.1", site.port, client, &options, &stream);
    if (r == 0) { /* of TLS 1.3 the client's part is over before it is checked */
        r = exchange_hello(stream);
        eddy_stream_close(stream);
    }
    CHECK_INT(r, -EPROTO);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_REPORT(EDDY_LOG_TASK_LOST, "the connection from");
    eddy_tls_context_close(client);
    site_close(&site);
    return 0;
}

TEST(roots_that_are_reloaded_count_for_sessions_too)
{
    CHECK_INT(check_reload_of_roots(EDDY_TLS_1_3), 0);
    return check_reload_of_roots(EDDY_TLS_1_2);
}

TEST(sessions_of_many_peers_are_bounded)
{
    static struct site site;
    CHECK_INT(site_open(&site, server_of("localhost.pem"), echo), 0);
    eddy_tls_context *client = client_with(.ca_file = certificate_path("root.pem"),
                                           .any_name = true);
    char name[32];
    for (int i = 0; i < 300; i++) { /* two tickets each, 256 are kept */
        (void)snprintf(name, sizeof name, "host%d.test", i);
        CHECK_INT(resumed(site.port, client, name), 0);
    }
    CHECK_INT(resumed(site.port, client, "host299.test"), 1);
    CHECK_INT(resumed(site.port, client, "host1.test"), 0);
    eddy_tls_context_close(client);
    site_close(&site);
    return 0;
}

/* ---- protocols, versions, the key log ---- */

static int protocol_of(const char *const *server, const char *const *client, const char *expected)
{
    static struct site site;
    eddy_stream *stream = NULL;
    CHECK_INT(
        site_open(&site,
                  server_with(.certificates = ONE(certificate_path("localhost.pem"), NULL, NULL),
                              .protocols = server),
                  echo),
        0);
    eddy_tls_context *context = client_with(.ca_file = certificate_path("root.pem"),
                                            .protocols = client);
    int r = site_enter(&site, context, &stream);
    if (expected) {
        CHECK_INT(r, 0);
        CHECK_TEXT(eddy_tls_protocol(stream), expected);
        CHECK_INT(eddy_tls_shutdown(stream), 0);
        eddy_stream_close(stream);
    } else {
        CHECK_INT(r, -EPROTO);
        CHECK_CONTAINS(last_message(), "the peer refused by the alert \"no application protocol\"");
        CHECK_INT(eddy_sleep(1), 0);
        CHECK_REPORT(EDDY_LOG_TASK_LOST, "the connection from");
    }
    site_close(&site);
    return 0;
}

TEST(the_server_s_favourite_of_both_sides_protocols)
{
    static const char *const both[] = {"h2", "http/1.1", NULL};
    static const char *const older[] = {"http/1.1", NULL}, *const other[] = {"smtp", NULL};
    static const char *const reversed[] = {"http/1.1", "h2", NULL};
    CHECK_INT(protocol_of(both, both, "h2"), 0);
    CHECK_INT(protocol_of(both, reversed, "h2"), 0);
    CHECK_INT(protocol_of(both, older, "http/1.1"), 0);
    CHECK_INT(protocol_of(both, NULL, ""), 0);
    CHECK_INT(protocol_of(NULL, both, ""), 0);
    CHECK_INT(protocol_of(both, other, NULL), 0);
    return 0;
}

TEST(versions_that_have_nothing_in_common)
{
    static struct site site;
    eddy_stream *stream;
    CHECK_INT(
        site_open(&site,
                  server_with(.certificates = ONE(certificate_path("localhost.pem"), NULL, NULL),
                              .least = EDDY_TLS_1_3),
                  echo),
        0);
    eddy_tls_context *context = client_with(.ca_file = certificate_path("root.pem"),
                                            .most = EDDY_TLS_1_2);
    CHECK_INT(site_enter(&site, context, &stream), -EPROTO);
    CHECK_CONTAINS(last_message(), "the peer refused by the alert \"protocol version\"");
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_REPORT(EDDY_LOG_TASK_LOST, "the connection from");
    site_close(&site);
    return 0;
}

TEST(secrets_are_written_only_where_asked_for)
{
    static struct site site;
    const char *log = certificate_path("keys.log");
    (void)unlink(log); /* of a run that was disturbed */
    CHECK_INT(site_open(&site, server_of("localhost.pem"), echo), 0);
    CHECK_INT(visit(site.port, client_of_root(), "localhost"), 0);
    CHECK(access(log, F_OK) < 0);
    CHECK_INT(visit(site.port,
                    client_with(.ca_file = certificate_path("root.pem"), .key_log_file = log),
                    "localhost"),
              0);
    struct stat status;
    CHECK_INT(stat(log, &status), 0);
    CHECK_INT(status.st_mode & 0777, 0600);
    char text[200] = "";
    FILE *file = fopen(log, "r");
    CHECK(fread(text, 1, sizeof text - 1, file) > 100);
    (void)fclose(file);
    (void)unlink(log);
    CHECK_CONTAINS(text, "TRAFFIC_SECRET");
    site_close(&site);
    return 0;
}
