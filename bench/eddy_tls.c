/* SPDX-License-Identifier: MIT
 *
 * Bulk data over a TLS stream, as anybody would write it.
 */
#include <eddy/tls.h>
#include <unistd.h>

#include "eddy_contenders.h"
#include "stopwatch.h"
#include "tls_trial.h"

static int transfer(eddy_stream *stream, const struct tls_trial *trial, struct sample *ret_sample)
{
    static char buffer[TLS_CHUNK];
    struct stopwatch watch;
    ssize_t moved = 1;

    stopwatch_start(&watch);
    for (uint64_t done = 0; done < trial->size && moved > 0; done += (uint64_t)moved)
        moved = trial->way == TLS_SEND ? eddy_stream_write(stream, buffer, sizeof(buffer))
                                       : eddy_stream_read(stream, buffer, sizeof(buffer));
    stopwatch_stop(&watch, trial->size / TLS_MIB, ret_sample);
    return moved > 0 ? eddy_tls_shutdown(stream) : (int)moved;
}

struct serve {
    const struct tls_trial *trial;
    eddy_tls_context *context;
    struct sample *ret_sample;
};

static int serve(struct serve *arguments)
{
    eddy_stream *plain, *stream;
    int error = eddy_stream_from_descriptor(arguments->trial->socket, &plain);
    if (error < 0)
        return error;
    error = eddy_tls_start(arguments->context, plain, NULL, &stream);
    if (error < 0) {
        eddy_stream_close(plain);
        return error;
    }
    error = transfer(stream, arguments->trial, arguments->ret_sample);
    eddy_stream_close(stream);
    return error;
}

static int run(const struct tls_trial *trial, struct sample *ret_sample)
{
    const struct eddy_tls_certificate own = {.certificate_file = trial->certificate};
    const struct eddy_tls_context_options options = {.certificates = &own, .certificate_count = 1};
    const struct eddy_options loop = EDDY_BENCH_OPTIONS;
    eddy_tls_context *context;
    int error = eddy_tls_context_open(EDDY_TLS_SERVER, &options, &context);

    if (error < 0) {
        close(trial->socket);
        return error;
    }
    error = eddy_run_with(&loop, serve, .trial = trial, .context = context,
                          .ret_sample = ret_sample);
    eddy_tls_context_close(context);
    return error;
}

static tls_server *const server = run;

const struct contender eddy_tls_contenders[] = {
    TLS_CONTENDERS("eddy", server, false),
    {.name = NULL},
};
