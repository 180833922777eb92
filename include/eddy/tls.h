/* SPDX-License-Identifier: MIT */
/*
 * TLS on streams (library eddy-tls, on OpenSSL 3): asyncio's ssl=context and start_tls.
 *
 *     eddy_stream *stream;
 *     r = eddy_tls_connect("example.org", 443, NULL, NULL, &stream);    // checked by the system's roots
 *     ...                                   // an ordinary stream: read, read_line, write
 *     r = eddy_tls_shutdown(stream);        // says good-bye, and waits for the peer's
 *     eddy_stream_close(stream);
 *
 *     struct eddy_tls_certificate certificate = {"server.pem", "server.key"};
 *     struct eddy_tls_context_options options = {.certificates = &certificate, .certificate_count =
 *     1}; r = eddy_tls_context_open(EDDY_TLS_SERVER, &options, &context);
 *     struct eddy_tls_service service = {.context = context, .handler = echo};
 *     r = eddy_tls_serve("localhost", 8443, &service, NULL, &server);
 *
 * A client checks the server's certificate, its chain up to a root and its name, unless told not
 * to; nothing older than TLS 1.2 is spoken; TLS 1.2 with ephemeral keys only.
 *
 * Errors beside those of streams: -EKEYREJECTED if a check of the peer's certificate failed,
 * -EPROTO if the peer doesn't speak TLS as it should, or told us by an alert that it won't go on,
 * -ECONNABORTED if it ended the connection without TLS's end: what came may have been cut off by an
 * attacker. The failure says which check, for which name. An error of the read side is given by
 * every later read, too.
 *
 * A cancelled read has taken nothing. What a write had encrypted by the time it was cancelled
 * counts as written, and goes out as soon as the peer takes it, as long as the stream is open.
 * eddy_stream_write_end says TLS's end and leaves the reading side open. eddy_stream_close says it
 * too if that needs no waiting and every write was finished; so a peer can tell a stream that was
 * closed from one that broke. But closing a connection on which something is unread, a ticket of
 * TLS 1.3 that came behind the handshake will do, resets it, and what was on its way may be lost:
 * eddy_tls_shutdown is for whoever wrote last.
 *
 * OpenSSL runs on the stack of the task that calls: 14 KiB measured for a handshake (of OpenSSL
 * 3.0, RSA and elliptic curves), 8 KiB for reading and writing. Tasks that speak TLS want 64 KiB, a
 * quarter of the default. A handshake computes for 0.3 ms (elliptic curves) to 5 ms (RSA of 4096
 * bits) on the loop.
 */
#ifndef EDDY_TLS_H
#define EDDY_TLS_H

#include <eddy/server.h>
#include <eddy/stream.h>

EDDY_BEGIN_DECLS

/* What many connections have in common: certificates, roots, what is checked, sessions to resume.
 * For one loop or several at once. */
typedef struct eddy_tls_context eddy_tls_context;

enum eddy_tls_side {
    EDDY_TLS_CLIENT,
    EDDY_TLS_SERVER,
};

enum eddy_tls_protocol_number {
    EDDY_TLS_1_2 = 0x0303,
    EDDY_TLS_1_3 = 0x0304,
};

enum eddy_tls_verify {
    EDDY_TLS_VERIFY_DEFAULT,  /* a client: required; a server: none */
    EDDY_TLS_VERIFY_NONE,     /* a client: anybody can be the server */
    EDDY_TLS_VERIFY_OPTIONAL, /* a server: a client's certificate, if it sends one, must be right */
    EDDY_TLS_VERIFY_REQUIRED,
};

/* A certificate with its chain, the leaf first, and its private key; both PEM files. */
struct eddy_tls_certificate {
    const char *certificate_file;
    const char *key_file;     /* NULL: the key is in certificate_file */
    const char *key_password; /* NULL: the key isn't encrypted */
};

/* Every field 0 is the default. */
struct eddy_tls_context_options {
    enum eddy_tls_verify verify;
    bool any_name;       /* a client: a certificate of another name will do */
    const char *ca_file; /* PEM: the roots, in place of the system's */
    const char *ca_text; /* the same as text; both: all of them */
    const struct eddy_tls_certificate *certificates; /* a server's: the first whose names fit what
                                     the client asks for, else the first of all, and for clients
                                     that can't check its type of key (RSA, EC) the first of
                                     another type that has these names, too; a client's: the
                                     first */
    size_t certificate_count;
    const char *const *protocols; /* ALPN, the preferred one first: {"h2", "http/1.1", NULL}; a
                                     server refuses a client that offers others only */
    enum eddy_tls_protocol_number least; /* default EDDY_TLS_1_2 */
    enum eddy_tls_protocol_number most;  /* default: whatever OpenSSL has */
    const char *ciphers;                 /* of TLS 1.2, as OpenSSL's ciphers(1) */
    bool no_sessions;                    /* don't resume sessions */
    const char *key_log_file; /* DANGER: appends the secrets of each connection, so that Wireshark
                                     can read it (SSLKEYLOGFILE's format) */
};

/* Makes a context; options may be NULL for a client. Strings are copied. Reads the files, which
 * blocks: the system's roots take 50 ms. From any thread, in a loop or not.
 * 0; -EINVAL (a server without a certificate; a file without one; a key that isn't the
 * certificate's; an unknown cipher), -ENOENT, -EACCES and others of open(2), -ENOMEM; the failure
 * names the file. */
EDDY_API EDDY_MUST_USE int eddy_tls_context_open(enum eddy_tls_side side,
                                                 const struct eddy_tls_context_options *options,
                                                 eddy_tls_context **context);

/* Reads all files anew: for handshakes from now on, connections that exist stay as they are. On
 * failure (as eddy_tls_context_open) everything stays as it was. Sessions of a server can be
 * resumed across it, unless it verifies clients, who are checked anew then; a client forgets its
 * own. From any thread. */
EDDY_API EDDY_MUST_USE int eddy_tls_context_reload(eddy_tls_context *context);

/* Gives the context back; streams that use it keep it alive. NULL is harmless. From any thread. */
EDDY_API void eddy_tls_context_close(eddy_tls_context *context);

/* Of one connection. Every field 0 is the default. */
struct eddy_tls_options {
    const char
        *server_name; /* whom to ask for and to check, a name or an address; default: the host
                                 connected to */
    double handshake_timeout; /* default 60 s; EDDY_FOREVER: none */
    double shutdown_timeout;  /* default 30 s */
};

/* Connects (eddy_connect), and makes TLS of it. context NULL: a client's with default options,
 * shared by all of the program and made at first use in a thread. options may be NULL. The stream
 * is the caller's, who closes it.
 * 0, as eddy_connect, as eddy_tls_start. */
EDDY_API EDDY_ASYNC int eddy_tls_connect(const char *host, int port, eddy_tls_context *context,
                                         const struct eddy_tls_options *options,
                                         eddy_stream **stream);

/* Makes TLS of a stream, be it right after connecting or in the middle, as STARTTLS asks for:
 * asyncio's start_tls. Bytes that the stream has read ahead belong to the handshake. On success the
 * new stream owns the old one, which isn't to be used any more; on failure the old one stays the
 * caller's, and can only be closed. The context says whether this is a client or a server; NULL as
 * in eddy_tls_connect. 0, -ECANCELED, -ETIMEDOUT, -EKEYREJECTED, -EPROTO, -ECONNABORTED, -EINVAL
 * (null; a client that would check a name, and has none; a name that can't be one), -EBUSY (another
 * task uses the stream), -ENOMEM, or the stream's error. */
EDDY_API EDDY_ASYNC int eddy_tls_start(eddy_tls_context *context, eddy_stream *stream,
                                       const struct eddy_tls_options *options,
                                       eddy_stream **secure);

/* What a TLS server does with connections. The handler gets a TLS stream. When it has returned 0 or
 * more the stream is shut down (eddy_tls_shutdown), then closed; when it has failed the peer sees
 * that the connection broke. */
struct eddy_tls_service {
    eddy_tls_context *context; /* a server's */
    eddy_stream_handler *handler;
    void *handler_context;
    struct eddy_tls_options options;
};

/* The handler of a plain server that makes it a TLS server: its context is a service. For
 * eddy_serve_unix, eddy_serve_descriptors and their like. */
EDDY_API EDDY_ASYNC int eddy_tls_handler(eddy_stream *stream, void *service);

/* As eddy_serve, for a service that stays in place until the server is closed. A handshake that
 * fails is reported to the log like a handler that does, and concerns that connection alone. Also
 * -EINVAL for a service without a handler or a server's context. */
EDDY_API EDDY_ASYNC int eddy_tls_serve(const char *host, int port,
                                       const struct eddy_tls_service *service,
                                       const struct eddy_serve_options *options,
                                       eddy_server **server);

/* Ends a TLS stream in both directions: says TLS's end to the peer and waits for the peer's own;
 * what the peer still sends is dropped (to have it, call eddy_stream_write_end and read up to the
 * end first). A peer that simply ends the connection now has ended it well enough. 0, -ETIMEDOUT
 * after shutdown_timeout, -ECANCELED, -ENOMEM (the end wasn't said), -EINVAL (no TLS stream),
 * -EBUSY (another task uses the stream), or the connection's error. The stream is still to be
 * closed. */
EDDY_API EDDY_ASYNC int eddy_tls_shutdown(eddy_stream *stream);

/* About a TLS stream. Borrowed, valid until it is closed; "" for any other stream, and where there
 * is nothing to say. "TLSv1.3"; "TLS_AES_256_GCM_SHA384"; the ALPN protocol agreed on; the name the
 * client asked for (when the session began, if one of TLS 1.2 was resumed), which at a server is a
 * stranger's text: any bytes but NUL. */
EDDY_API const char *eddy_tls_version(const eddy_stream *stream);
EDDY_API const char *eddy_tls_cipher(const eddy_stream *stream);
EDDY_API const char *eddy_tls_protocol(const eddy_stream *stream);
EDDY_API const char *eddy_tls_server_name(const eddy_stream *stream);

/* Whether an earlier session was resumed: no certificate was sent, nor checked again. */
EDDY_API bool eddy_tls_resumed(const eddy_stream *stream);

/* Writes the names that the peer's certificate is for, "example.org, *.example.org, 192.0.2.1", or
 * its common name if it has none: the length as snprintf. A name that could be taken for another,
 * or for several, is in quotation marks, with \" \\ and \x0a inside: one that is empty or has a
 * comma, " or \ or what isn't printable ASCII, and a host's that reads as an address. -ENOENT if
 * the peer showed no certificate, -EINVAL for what isn't a TLS stream, -EBADMSG if the names can't
 * be read, -ENOMEM. */
EDDY_API int eddy_tls_peer_names(const eddy_stream *stream, char *buffer, size_t size);

/* Writes the peer's certificate (DER) if it fits: its size in bytes. -ENOENT, -EINVAL, -ENOMEM. */
EDDY_API ssize_t eddy_tls_peer_certificate(const eddy_stream *stream, void *buffer, size_t size);

EDDY_END_DECLS
#endif
