/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <unistd.h>
#include <eddy.h>
#include <eddy/tls.h>

static int greet(eddy_stream *stream, void *context) /* a task a connection, TLS all set up */
{
    (void)context;
    char line[100];
    ssize_t n = eddy_stream_read_line(stream, line, sizeof line);
    if (n > 0)
        n = eddy_stream_write(stream, "hello over TLS\n", 15);
    return n < 0 ? (int)n : 0;
}

static int visit(int port, eddy_tls_context *context)
{
    eddy_stream *stream;
    int r = eddy_tls_connect("localhost", port, context, NULL, &stream);
    if (r < 0)
        return r;
    char line[100];
    ssize_t n = eddy_stream_write(stream, "hi\n", 3);
    if (n > 0)
        n = eddy_stream_read_line(stream, line, sizeof line);
    if (n > 0)
        printf("%s: %s", eddy_tls_version(stream), line);
    r = n < 0 ? (int)n : eddy_tls_shutdown(stream);
    eddy_stream_close(stream);
    return r;
}

static int visits(int port)
{
    struct eddy_tls_context_options trusting = {.ca_file = "server.pem"};
    eddy_tls_context *context;
    int r = eddy_tls_context_open(EDDY_TLS_CLIENT, &trusting, &context);
    if (r < 0)
        return r;
    r = visit(port, context);
    eddy_tls_context_close(context);
    if (visit(port, NULL) == -EKEYREJECTED) /* by the system's roots */
        printf("refused: %s\n", eddy_failure_message(eddy_last_failure()));
    return r;
}

static void be_quiet(void *context, const struct eddy_log_record *record)
{
    (void)context, (void)record; /* the server's own view of the client that refused it */
}

static int serve_and_visit(void)
{
    struct eddy_tls_certificate own = {"server.pem", "server.key", NULL};
    struct eddy_tls_context_options options = {.certificates = &own, .certificate_count = 1};
    eddy_tls_context *context;
    int r = eddy_tls_context_open(EDDY_TLS_SERVER, &options, &context);
    if (r < 0)
        return r;
    struct eddy_tls_service service = {.context = context, .handler = greet};
    eddy_server *server;
    r = eddy_tls_serve("localhost", 0, &service, NULL, &server);
    if (r == 0) {
        r = visits(eddy_server_port(server));
        eddy_server_close(server);
    }
    eddy_tls_context_close(context);
    return r;
}

static int make_certificate(void)
{
    eddy_process *openssl;
    int code, r = eddy_process_shell(
                  "openssl req -x509 -newkey ed25519 -nodes -days 2 -subj /CN=localhost "
                  "-addext subjectAltName=DNS:localhost -keyout server.key -out server.pem 2>&-",
                  NULL, &openssl);
    if (r < 0)
        return r;
    r = eddy_process_wait(openssl, &code);
    eddy_process_close(openssl);
    return r == 0 && code != 0 ? eddy_fail(-EIO, "openssl makes no certificate") : r;
}

static int program(void)
{
    eddy_temporary *folder; /* closing removes it, and what is in it */
    int r = eddy_temporary_directory_open(NULL, &folder);
    if (r < 0)
        return r;
    eddy_defer(eddy_temporary_close, folder);
    if (chdir(eddy_temporary_path(folder)) < 0)
        return -errno;
    r = make_certificate();
    return r < 0 ? r : serve_and_visit();
}

int main(void)
{
    struct eddy_options options = {.log = be_quiet};
    return eddy_run_with(&options, program) < 0;
}
