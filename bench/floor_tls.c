/* SPDX-License-Identifier: MIT
 *
 * Bulk data over TLS by plain OpenSSL on a blocking socket, as its manual shows it.
 */
#include <errno.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include "floors.h"
#include "stopwatch.h"
#include "tls_trial.h"

static int transfer(SSL *ssl, const struct tls_trial *trial, struct sample *ret_sample)
{
    static char buffer[TLS_CHUNK];
    struct stopwatch watch;
    int moved = 1;

    if (SSL_accept(ssl) != 1)
        return -EPROTO;
    stopwatch_start(&watch);
    for (uint64_t done = 0; done < trial->size && moved > 0; done += (uint64_t)moved)
        moved = trial->way == TLS_SEND ? SSL_write(ssl, buffer, sizeof(buffer))
                                       : SSL_read(ssl, buffer, sizeof(buffer));
    stopwatch_stop(&watch, trial->size / TLS_MIB, ret_sample);
    SSL_shutdown(ssl);
    return moved > 0 ? 0 : -EPROTO;
}

static int serve(const struct tls_trial *trial, struct sample *ret_sample)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    int error = -EINVAL;

    if (SSL_CTX_use_certificate_file(context, trial->certificate, SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_use_PrivateKey_file(context, trial->certificate, SSL_FILETYPE_PEM) == 1) {
        SSL *ssl = SSL_new(context);
        SSL_set_fd(ssl, trial->socket);
        error = transfer(ssl, trial, ret_sample);
        SSL_free(ssl);
    }
    SSL_CTX_free(context);
    close(trial->socket);
    return error;
}

static tls_server *const server = serve;

const struct contender floor_tls_contenders[] = {
    TLS_CONTENDERS("OpenSSL, blocking", server, true),
    {.name = NULL},
};
