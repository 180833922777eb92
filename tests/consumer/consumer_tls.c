/* SPDX-License-Identifier: MIT */
/*
 * A program of somebody else's that speaks TLS: it knows only the installed headers and libraries.
 */
#include <eddy.h>
#include <eddy/tls.h>

static int consume(void)
{
    eddy_tls_context *context;
    int r = eddy_tls_context_open(EDDY_TLS_CLIENT, NULL, &context);
    if (r < 0)
        return r;
    eddy_stream *stream;
    r = eddy_tls_connect("127.0.0.1", 1, context, NULL, &stream); /* nobody listens there */
    eddy_tls_context_close(context);
    return r == -ECONNREFUSED ? 0 : -EINVAL;
}

int main(void)
{
    return eddy_run(consume) < 0;
}
