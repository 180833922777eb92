/* SPDX-License-Identifier: MIT */
/*
 * An echo over TLS. Python: asyncio.start_server(echo, port=port, ssl=context),
 * open_connection(ssl=...).
 *
 *     tls_echo                             a server and two visitors in one program
 *     tls_echo serve PORT PEM KEY          a server with this certificate, until Ctrl-C
 *     tls_echo visit HOST PORT [ROOTS]     sends a line, prints what comes back
 *
 *     openssl s_client -connect localhost:PORT -CAfile PEM        a visitor as good as any
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <eddy.h>
#include <eddy/tls.h>
#include "command_line.h"

static int echo(eddy_stream *stream, void *context) /* a task a connection; the handshake is over */
{
    (void)context;
    char buffer[4096];
    ssize_t n;
    while ((n = eddy_stream_read(stream, buffer, sizeof buffer)) > 0)
        if ((n = eddy_stream_write(stream, buffer, (size_t)n)) < 0)
            break;
    return (int)n;
}

static int server_context(const char *certificate, const char *key, eddy_tls_context **context)
{
    struct eddy_tls_certificate own = {certificate, key, NULL};
    struct eddy_tls_context_options options = {.certificates = &own, .certificate_count = 1};
    return eddy_tls_context_open(EDDY_TLS_SERVER, &options, context);
}

struct serve {
    int port;
    const char *certificate, *key;
};

static int serve(struct serve *a)
{
    eddy_tls_context *context;
    int r = server_context(a->certificate, a->key, &context);
    if (r < 0)
        return r;
    struct eddy_tls_service service = {.context = context, .handler = echo};
    eddy_server *server;
    r = eddy_tls_serve("localhost", a->port, &service, NULL, &server);
    if (r == 0) {
        printf("serving on port %d\n", eddy_server_port(server));
        (void)fflush(stdout);
        r = eddy_sleep(EDDY_FOREVER);
        eddy_server_close(server);
    }
    eddy_tls_context_close(context);
    return r;
}

struct visit {
    const char *host;
    int port;
    const char *roots; /* NULL: the system's */
};

static int talk(eddy_stream *stream)
{
    char line[100];
    ssize_t n = eddy_stream_write(stream, "hello over TLS\n", 15);
    if (n > 0)
        n = eddy_stream_read_line(stream, line, sizeof line);
    if (n > 0)
        printf("%s%s: %s", eddy_tls_version(stream), eddy_tls_resumed(stream) ? ", resumed" : "",
               line);
    return n < 0 ? (int)n : eddy_tls_shutdown(stream);
}

static int connect_and_talk(const struct visit *a, eddy_tls_context *context)
{
    eddy_stream *stream;
    int r = eddy_tls_connect(a->host, a->port, context, NULL, &stream);
    if (r < 0)
        return r;
    r = talk(stream);
    eddy_stream_close(stream);
    return r;
}

static int visit(struct visit *a)
{
    struct eddy_tls_context_options options = {.ca_file = a->roots};
    eddy_tls_context *context;
    int r = eddy_tls_context_open(EDDY_TLS_CLIENT, &options, &context);
    if (r < 0)
        return r;
    for (int i = 0; i < 2 && r == 0; i++)
        r = connect_and_talk(a, context);
    eddy_tls_context_close(context);
    return r;
}

static int both(void)
{
    eddy_tls_context *context;
    int r = server_context("server.pem", "server.key", &context);
    if (r < 0)
        return r;
    struct eddy_tls_service service = {.context = context, .handler = echo};
    eddy_server *server;
    r = eddy_tls_serve("localhost", 0, &service, NULL, &server);
    if (r == 0) {
        struct visit here = {"localhost", eddy_server_port(server), "server.pem"};
        r = visit(&here);
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

static int with_certificate_of_its_own(void)
{
    eddy_temporary *folder; /* closing removes it, and what is in it */
    int r = eddy_temporary_directory_open(NULL, &folder);
    if (r < 0)
        return r;
    eddy_defer(eddy_temporary_close, folder);
    if (chdir(eddy_temporary_path(folder)) < 0)
        return -errno;
    r = make_certificate();
    return r < 0 ? r : both();
}

static const char usage[] = "usage: tls_echo                            both in one program\n"
                            "       tls_echo serve PORT PEM KEY         until Ctrl-C\n"
                            "       tls_echo visit HOST PORT [ROOTS]    sends a line\n";

int main(int argc, char **argv)
{
    bool serves = argc == 5 && strcmp(argv[1], "serve") == 0;
    bool visits = (argc == 4 || argc == 5) && strcmp(argv[1], "visit") == 0;
    int r, port = 0;
    if (says_usage(usage, argc, argv, argc == 1 || serves || visits, &r))
        return r;
    if (argc > 1 && (port = port_of(argv[serves ? 2 : 3])) < 0)
        return 2;
    if (serves)
        r = eddy_run(serve, .port = port, .certificate = argv[3], .key = argv[4]);
    else if (visits)
        r = eddy_run(visit, .host = argv[2], .port = port, .roots = argv[4]);
    else
        r = eddy_run(with_certificate_of_its_own);
    return r < 0;
}
