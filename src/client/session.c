/* SPDX-License-Identifier: MIT */
/*
 * Sessions: options with their defaults and bounds, and an orderly end.
 */
#include <eddy.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "session.h"

static int check_range(const char *name, size_t value, size_t most)
{
    return value <= most ? 0
                         : eddy_fail(-EINVAL, "eddy_http_session_open: %s is %zu, at most %zu",
                                     name, value, most);
}

static int fill_options(struct eddy_http_options *options)
{
    if (!options->max_connections)
        options->max_connections = 100;
    if (!options->max_per_host)
        options->max_per_host = options->max_connections;
    if (options->timeout == 0)
        options->timeout = 300;
    if (!options->max_redirects)
        options->max_redirects = 10;
    if (!options->max_header_count)
        options->max_header_count = 256;
    if (!options->max_header_size)
        options->max_header_size = (size_t)64 << 10;
    if (!options->max_body_size)
        options->max_body_size = (size_t)64 << 20;
    if (!options->max_decompressed_size)
        options->max_decompressed_size = (size_t)1 << 30;
    if (!options->max_compression_ratio)
        options->max_compression_ratio = 200;
    if (isnan(options->timeout) || options->timeout < 0)
        return eddy_fail(-EINVAL, "eddy_http_session_open: timeout is %g seconds",
                         options->timeout);
    if (options->user_agent && !field_is_value(options->user_agent))
        return eddy_fail(-EINVAL, "eddy_http_session_open: a control character in user_agent");
    int r = check_range("max_connections", options->max_connections, 10000);
    if (r == 0)
        r = check_range("max_per_host", options->max_per_host, 10000);
    if (r == 0)
        r = check_range("max_redirects", options->max_redirects, 100);
    if (r == 0)
        r = check_range("max_header_size", options->max_header_size, (size_t)256 << 10);
    return r;
}

static void session_free(eddy_http_session *session)
{
    free((void *)(uintptr_t)session->options.ca_file);
    free((void *)(uintptr_t)session->options.user_agent);
    free(session);
}

/* Copies the strings and opens the backend: false without memory. */
static bool session_fill(eddy_http_session *session, const struct eddy_http_options *options)
{
    const char *agent = options->user_agent ? options->user_agent : "eddy/" EDDY_VERSION;
    session->options.user_agent = strdup(agent);
    session->options.ca_file = options->ca_file ? strdup(options->ca_file) : NULL;
    session->limits = (struct limits){
        .header_count = options->max_header_count,
        .header_size = options->max_header_size,
        .decompressed_size = options->max_decompressed_size,
        .compression_ratio = options->max_compression_ratio,
    };
    if (!session->options.user_agent || (options->ca_file && !session->options.ca_file))
        return false;
    session->backend = backend_open(&(struct backend_options){
        .max_connections = options->max_connections,
        .max_per_host = options->max_per_host,
        .ca_file = session->options.ca_file,
        .user_agent = session->options.user_agent,
    });
    return session->backend;
}

int eddy_http_session_open(eddy_http_session **ret_session, const struct eddy_http_options *options)
{
    if (!ret_session)
        return eddy_fail(-EINVAL, "eddy_http_session_open: nowhere to put the session");
    if (!eddy_current_loop())
        return eddy_fail(-EINVAL, "eddy_http_session_open: called outside a loop");
    struct eddy_http_options filled = options ? *options : (struct eddy_http_options){0};
    int r = fill_options(&filled);
    if (r < 0)
        return r;
    eddy_http_session *session = calloc(1, sizeof *session);
    if (!session)
        return eddy_fail(-ENOMEM, "eddy_http_session_open: no memory");
    session->options = filled;
    session->options.ca_file = session->options.user_agent = NULL;
    session->loop = eddy_current_loop();
    if (!session_fill(session, &filled) || live_add(session) < 0) {
        if (session->backend)
            backend_close(session->backend);
        session_free(session);
        return eddy_fail(-ENOMEM, "eddy_http_session_open: no memory");
    }
    *ret_session = session;
    return 0;
}

/* ---- the end ---- */

struct closing {
    struct backend *backend;
    eddy_event over;
};

static void close_now(void *argument)
{
    struct closing *closing = argument;
    backend_close(closing->backend);
    eddy_event_set(&closing->over);
}

/* On the loop's own stack, which a task has to wait for. */
static void close_backend(struct backend *backend)
{
    struct closing closing = {.backend = backend, .over = EDDY_EVENT_INIT};
    int r = -EINVAL;
    if (eddy_current_task() && eddy_call_soon(close_now, &closing)) {
        eddy_with_shield (EDDY_FOREVER)
            r = eddy_event_wait(&closing.over);
    } else {
        backend_close(backend);
    }
    (void)r;
}

void eddy_http_session_close(eddy_http_session *session)
{
    if (!session || !live_check(session, "eddy_http_session_close", "session"))
        return;
    live_remove(session);
    while (session->responses) {
        eddy_http_response *response = session->responses;
        session->responses = response->next;
        response->session = NULL;
        response->next = NULL;
        response->link = NULL;
    }
    close_backend(session->backend);
    session_free(session);
}
