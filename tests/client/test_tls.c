/* SPDX-License-Identifier: MIT */
/* https against `openssl s_server` with a certificate for localhost that only ca_file trusts. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "harness.h"
#include "support/folder.h"

#define SKIP_UNLESS_READY()                                                                        \
    do {                                                                                           \
        if (!ready)                                                                                \
            skip();                                                                                \
    } while (0)

static bool ready;
static char directory[TEST_PATH], certificate[TEST_PATH + 16];

static const struct server_path paths[] = {{NULL, NULL}};

/* A command in the directory, its output thrown away. */
static int run(const char *command)
{
    char whole[1024];
    (void)snprintf(whole, sizeof whole, "cd %s && { %s; } >/dev/null 2>&1", directory, command);
    return system(whole);
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static void prepare(void)
{
    assert_non_null(mkdtemp(test_path(directory, test_folder(), "eddy-tls-XXXXXX")));
    (void)snprintf(certificate, sizeof certificate, "%s/cert.pem", directory);
    ready = run("openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 "
                "-subj /CN=localhost -addext subjectAltName=DNS:localhost") == 0;
    write_file("good", "HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nsecure");
    write_file("short", "HTTP/1.0 200 OK\r\nContent-Length: 60\r\n\r\nsecure");
    write_file("down", "HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:1/x\r\n"
                       "Content-Length: 0\r\n\r\n");
    if (!ready)
        puts("SKIP: no openssl command that makes a certificate");
}

struct tls {
    int output;
    pid_t process;
    int port;
};

/* s_server sends the file asked for, head and all; it says "ACCEPT address:port" first. */
static struct tls tls_start(const char *option)
{
    int output[2];
    struct tls tls = {0};
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    tls.process = fork();
    if (tls.process == 0) {
        (void)dup2(output[1], 1);
        (void)dup2(open("/dev/null", O_RDWR), 2);
        if (chdir(directory) == 0)
            execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-HTTP", "-cert",
                   "cert.pem", "-key", "key.pem", option, option ? "-cipher" : NULL,
                   "ALL:@SECLEVEL=0", NULL);
        _exit(127);
    }
    (void)close(output[1]);
    char text[512];
    size_t filled = 0;
    while (filled + 1 < sizeof text) {
        ssize_t n = read(output[0], text + filled, sizeof text - 1 - filled);
        if (n <= 0)
            break;
        text[filled += (size_t)n] = '\0';
        char *accept = strstr(text, "ACCEPT ");
        if (accept && strchr(accept, '\n')) {
            tls.port = atoi(strrchr(accept, ':') + 1);
            break;
        }
    }
    tls.output = output[0]; /* it has more to say, and would die of a pipe closed to it */
    assert_true(tls.port > 0);
    return tls;
}

static void tls_stop(struct tls tls)
{
    (void)kill(tls.process, SIGKILL);
    (void)waitpid(tls.process, NULL, 0);
    (void)close(tls.output);
}

static const char *tls_url(struct tls tls, const char *host, const char *path)
{
    static char url[256];
    (void)snprintf(url, sizeof url, "https://%s:%d%s", host, tls.port, path);
    return url;
}

CLIENT_TEST(trusted)
{
    SKIP_UNLESS_READY();
    struct tls tls = tls_start(NULL);
    eddy_http_session *session = session_with(.ca_file = certificate);
    eddy_http_response *response;
    char *text;
    for (int i = 0; i < 3; i++) {
        text = get_text(session, tls_url(tls, "localhost", "/good"), NULL);
        assert_string_equal(text, "secure");
        free(text);
    }
    assert_int_equal(eddy_http_get(session, tls_url(tls, "localhost", "/short"), &response), 0);
    int r = eddy_http_read_all(response, &text, NULL);
    if (r != -ENODATA && r != -EPROTO)
        fail_msg("%s", eddy_failure_message(eddy_last_failure()));
    eddy_http_close(response);
    eddy_http_session_close(session);
    tls_stop(tls);
    return 0;
}

CLIENT_TEST(unknown_authority)
{
    SKIP_UNLESS_READY();
    struct tls tls = tls_start(NULL);
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    assert_int_equal(eddy_http_get(session, tls_url(tls, "localhost", "/good"), &response),
                     -EKEYREJECTED);
    assert_says("certificate refused by the check of its chain: self");
    eddy_http_session_close(session);
    tls_stop(tls);
    return 0;
}

CLIENT_TEST(other_name)
{
    SKIP_UNLESS_READY();
    struct tls tls = tls_start(NULL);
    eddy_http_session *session = session_with(.ca_file = certificate);
    eddy_http_response *response;
    static const char *const hosts[] = {"127.0.0.1", "one.test"};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(eddy_http_get(session, tls_url(tls, hosts[i], "/good"), &response),
                         -EKEYREJECTED);
        assert_says("certificate refused by the check of its host name: ");
    }
    eddy_http_session_close(session);
    tls_stop(tls);
    return 0;
}

CLIENT_TEST(old_version)
{
    SKIP_UNLESS_READY();
    struct tls tls = tls_start("-tls1_1");
    eddy_http_session *session = session_with(.ca_file = certificate);
    eddy_http_response *response;
    /* One address: newer libcurls go on to the next one, and its refusal is what they tell. */
    assert_int_equal(eddy_http_get(session, tls_url(tls, "127.0.0.1", "/good"), &response),
                     -EPROTO);
    assert_says("TLS 1.2 or newer failed: ");
    eddy_http_session_close(session);
    tls_stop(tls);
    return 0;
}

CLIENT_TEST(redirect_to_http)
{
    SKIP_UNLESS_READY();
    struct tls tls = tls_start(NULL);
    eddy_http_session *session = session_with(.ca_file = certificate);
    eddy_http_response *response;
    assert_int_equal(eddy_http_get(session, tls_url(tls, "localhost", "/down"), &response), -EPERM);
    assert_says("redirect to http://127.0.0.1:1/x refused: https to http (see option "
                "allow_downgrade)");
    eddy_http_session_close(session);
    session = session_with(.ca_file = certificate, .allow_downgrade = true);
    assert_int_equal(eddy_http_get(session, tls_url(tls, "localhost", "/down"), &response),
                     -ECONNREFUSED);
    assert_says("GET http://127.0.0.1:1/x: connection refused");
    eddy_http_session_close(session);
    tls_stop(tls);
    return 0;
}

CLIENT_TEST(no_ca_file)
{
    SKIP_UNLESS_READY();
    struct tls tls = tls_start(NULL);
    eddy_http_session *session = session_with(.ca_file = "/nonexistent.pem");
    eddy_http_response *response;
    assert_int_equal(eddy_http_get(session, tls_url(tls, "localhost", "/good"), &response),
                     -ENOENT);
    assert_says("no certificates in '/nonexistent.pem' (option ca_file)");
    eddy_http_session_close(session);
    tls_stop(tls);
    return 0;
}

/* A server that speaks no TLS, and one that says nothing while the task is cancelled. */
CLIENT_TEST(not_tls)
{
    eddy_http_session *session = session_with();
    eddy_http_response *response;
    char url[100];
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%d/", server_port(harness_server));
    int r = eddy_wait_for(eddy_http_get(session, url, &response), 0.2);
    assert_true(r == -ETIMEDOUT || r == -EPROTO);
    eddy_http_session_close(session);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trusted),          cmocka_unit_test(unknown_authority),
        cmocka_unit_test(other_name),       cmocka_unit_test(old_version),
        cmocka_unit_test(redirect_to_http), cmocka_unit_test(no_ca_file),
        cmocka_unit_test(not_tls),
    };
    prepare();
    int failed = HARNESS_MAIN(paths, tests);
    (void)run("rm -f good short down cert.pem key.pem");
    (void)rmdir(directory);
    return failed;
}
