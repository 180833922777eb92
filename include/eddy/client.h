/* SPDX-License-Identifier: MIT */
/*
 * HTTP client: aiohttp's ClientSession. A library of its own: link with eddy-client.
 *
 *     eddy_http_session *session;
 *     eddy_http_response *response;
 *     char chunk[8192];
 *     ssize_t n;
 *     int r = eddy_http_session_open(&session, NULL);
 *     if (r < 0)
 *         return r;
 *     r = eddy_http_get(session, "http://example.org/cat.jpg", &response);
 *     if (r == 0) {
 *         r = eddy_http_raise_for_status(response);
 *         while (r >= 0 && (n = eddy_http_read_chunk(response, chunk, sizeof chunk)) != 0)
 *             r = n < 0 ? (int)n : save(chunk, (size_t)n);
 *         eddy_http_close(response);
 *     }
 *     eddy_http_session_close(session);
 *
 * A session keeps connections open and uses them again, and limits their number: requests beyond
 * wait for their turn. One session a program is the rule; any number of tasks share it. A request
 * returns when the headers are here; the body then streams, and a reader that falls behind stops
 * the server (back-pressure): about 100 KiB wait in memory, of a compressed body 16 MiB at worst.
 *
 * Every call belongs to the thread and loop in which the session was opened. A NULL, closed or
 * foreign session or response gives -EINVAL (NULL or 0 from a call that returns no code).
 *
 * Failures read `GET http://host/path: connection refused`; a password in the URL is left out.
 *   -ECONNREFUSED, -EHOSTUNREACH, -ENETUNREACH, ...   what the system says about the connection
 *   -ENOENT           no such host; the file of .ca_file
 *   -ETIMEDOUT        the time of .timeout is over
 *   -ELOOP            more redirects than .max_redirects
 *   -EMSGSIZE         larger than a limit; the failure names the limit and its option
 *   -EPROTO           what came isn't HTTP, TLS or the compression that was announced
 *   -ENODATA          the connection ended before the body was whole
 *   -ECONNRESET       the connection ended before an answer
 *   -EKEYREJECTED     certificate refused; the failure says by which check: chain or name
 *   -EPROTONOSUPPORT  neither http nor https
 *   -EPERM            a redirect from https to http
 *   -EINVAL           bad URL, method, header field or option
 *   -ECANCELED        the calling task was cancelled; the transfer is aborted
 *   -ESHUTDOWN        the session was closed
 *   -ECONNABORTED     another task closed the response
 *   -EREMOTEIO        eddy_http_raise_for_status: the status is 400 or more
 *   -EBADMSG          the body isn't JSON
 *   -ENOMEM, -EMFILE
 *
 * Safe by default: certificates and host names are verified, TLS is 1.2 or newer, redirects are
 * checked as if each were a new request. A redirect to another origin (scheme, host or port) takes
 * no credentials along: neither those in the URL, nor Authorization, Cookie, nor any other field
 * whose name has auth, cookie, token, secret, password, credential, session, signature or key in
 * it, nor Host. HTTP/1.1 only. Proxies in the environment and .netrc are ignored, as in aiohttp;
 * there is no cookie jar.
 */
#ifndef EDDY_CLIENT_H
#define EDDY_CLIENT_H

#include <sys/types.h>
#include <eddy/base.h>

EDDY_BEGIN_DECLS

struct json_t; /* of <jansson.h> */

typedef struct eddy_http_session eddy_http_session;
typedef struct eddy_http_response eddy_http_response;

/* A header field. A list of them ends with one whose name is NULL. */
struct eddy_http_field {
    const char *name;
    const char *value;
};

/* ---- session ---- */

/* Every field 0 is the default. Strings are copied. */
struct eddy_http_options {
    size_t max_connections;         /* open at once; default 100, at most 10,000 */
    size_t max_per_host;            /* of them to one host and port; default max_connections */
    double timeout;                 /* seconds from the call to the end of the body, waiting for a
                                       connection included; default 300; EDDY_FOREVER: none */
    unsigned max_redirects;         /* followed for one request; default 10, at most 100 */
    size_t max_header_count;        /* fields of one response; default 256 */
    size_t max_header_size;         /* bytes of all of them; default 64 KiB, at most 256 KiB */
    size_t max_body_size;           /* bytes that read_all and read_json take; default 64 MiB */
    size_t max_decompressed_size;   /* bytes of one compressed body, unpacked; default 1 GiB */
    unsigned max_compression_ratio; /* unpacked to received, once 1 MiB is unpacked; default 200 */
    bool allow_downgrade;           /* follow redirects from https to http */
    const char *ca_file;            /* PEM file of trusted certificates, instead of the system's */
    const char *user_agent;         /* default "eddy/0.1.0" */
};

/* Opens a session in the current loop; options may be NULL. Doesn't suspend. 0, -EINVAL (null,
 * outside a loop, a value out of its range), -ENOMEM. */
EDDY_API EDDY_MUST_USE int eddy_http_session_open(eddy_http_session **session,
                                                  const struct eddy_http_options *options);

/* Aborts what is under way (tasks waiting in it get -ESHUTDOWN), closes the connections, frees.
 * Responses still open stay valid, give -ESHUTDOWN when read beyond what is here already, and must
 * be closed by their owner. Suspends for a turn of the loop when called in a task; a cancel
 * meanwhile doesn't shorten it. It may also be called after the loop ended, on the same thread.
 * NULL is harmless. */
EDDY_API void eddy_http_session_close(eddy_http_session *session);

/* ---- request ---- */

/* Only url is needed. Everything is copied; nothing is kept of the caller's after the call. */
struct eddy_http_request_options {
    const char *url;
    const char *method;                    /* default "GET", or "POST" with a body */
    const struct eddy_http_field *headers; /* or NULL. Content-Length and Transfer-Encoding are the
                                               library's own: -EINVAL. With an Accept-Encoding of
                                               yours the body arrives as it was sent, packed */
    const void *body;                      /* or NULL; type application/octet-stream if headers
                                               don't say */
    size_t body_size;
    const struct json_t *json; /* instead of body: sent as application/json; at most 256 deep */
    double timeout;            /* default the session's */
    bool return_redirects;     /* a redirect is the response, not followed */
};

/* Sends a request and suspends until the headers of the final response are here, whatever its
 * status. 0 and a response to be closed with eddy_http_close, or a failure as listed above; then
 * nothing stays open. Cancelled, it aborts the transfer and closes its connection.
 *
 * 301 and 302 turn POST into GET, 303 turns all but HEAD into GET; 307 and 308 send method and
 * body again. A request on a connection which the server closed while it was kept is sent again. */
EDDY_API EDDY_ASYNC int eddy_http_request(eddy_http_session *session,
                                          const struct eddy_http_request_options *request,
                                          eddy_http_response **response);

EDDY_API EDDY_ASYNC int eddy_http_get(eddy_http_session *session, const char *url,
                                      eddy_http_response **response);

/* ---- response ---- */

EDDY_API int eddy_http_status(const eddy_http_response *response);

/* 0 if the status is below 400, else -EREMOTEIO: `GET http://host/path: 404 Not Found`. */
EDDY_API EDDY_MUST_USE int eddy_http_raise_for_status(const eddy_http_response *response);

/* Where the response came from, after redirects, without credentials. Borrowed. */
EDDY_API const char *eddy_http_url(const eddy_http_response *response);

/* The value of a header field, the first of that name in any case; NULL if there is none. Borrowed
 * from the response. */
EDDY_API const char *eddy_http_header(const eddy_http_response *response, const char *name);

/* Field `index` in the order received: {NULL, NULL} beyond the last one. Borrowed. */
EDDY_API struct eddy_http_field eddy_http_header_at(const eddy_http_response *response,
                                                    size_t index);

/* Size of the body as announced, in bytes on the wire; -1 if it wasn't. */
EDDY_API int64_t eddy_http_content_length(const eddy_http_response *response);

#define EDDY_HTTP_CHUNK 8192 /* a good size for read_chunk */

/* Reads what is here of the body, at least one byte, at most size; suspends while nothing is.
 * The number of bytes; 0 at the end of a whole body (or for size 0); or a failure as above, which
 * later calls repeat. Cancelled, it leaves the response as it was. A gzip or deflate body arrives
 * unpacked. */
EDDY_API EDDY_ASYNC ssize_t eddy_http_read_chunk(eddy_http_response *response, void *buffer,
                                                 size_t size);

/* Reads the rest of the body; suspends until it is whole. The bytes are the caller's, for free();
 * a NUL that isn't counted follows them. size may be NULL. 0, -EMSGSIZE beyond .max_body_size, or
 * as eddy_http_read_chunk; then what was read is lost. */
EDDY_API EDDY_ASYNC int eddy_http_read_all(eddy_http_response *response, char **bytes,
                                           size_t *size);

/* The same, parsed: a reference for json_decref(). -EBADMSG and line and column if it isn't JSON
 * in UTF-8, -EMSGSIZE if it is nested deeper than 256. Parsing keeps the loop busy. */
EDDY_API EDDY_ASYNC int eddy_http_read_json(eddy_http_response *response, struct json_t **json);

/* Frees the response and aborts what is left of its body. Doesn't suspend. A task suspended in a
 * read is woken with -ECONNABORTED. NULL is harmless. */
EDDY_API void eddy_http_close(eddy_http_response *response);

EDDY_END_DECLS
#endif
