/* SPDX-License-Identifier: MIT
 *
 * The certificate, the connection, and the client in a process of its own.
 */
#define _GNU_SOURCE
#include "tls_trial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "machine.h"

/* For 127.0.0.1, by itself. */
static int make_certificate(const char *path)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    FILE *file = fopen(path, "w");
    int made = key && certificate && file;
    if (made) {
        X509_NAME *name = X509_get_subject_name(certificate);
        made = X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"bench",
                                          -1, -1, 0) &&
               X509_set_issuer_name(certificate, name) && X509_set_pubkey(certificate, key) &&
               X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) &&
               X509_gmtime_adj(X509_getm_notAfter(certificate), 86400) &&
               X509_sign(certificate, key, EVP_sha256()) && PEM_write_X509(file, certificate) &&
               PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    }
    if (file && fclose(file) != 0)
        made = 0;
    X509_free(certificate);
    EVP_PKEY_free(key);
    return made ? 0 : -EIO;
}

/* A connection of this machine over TCP. */
static int connect_pair(int sockets[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    sockets[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockets[1] = -1;
    if (bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 1) == 0 &&
        getsockname(listener, (struct sockaddr *)&address, &length) == 0 &&
        connect(sockets[0], (struct sockaddr *)&address, length) == 0)
        sockets[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    int error = sockets[1] < 0 ? -errno : 0;
    close(listener);
    if (error < 0)
        close(sockets[0]);
    return error;
}

/* Does the other half of the trial; says the end, and waits for the server's. */
static void client_main(int socket, enum tls_way way, uint64_t size)
{
    static char buffer[TLS_CHUNK];
    SSL *ssl = SSL_new(SSL_CTX_new(TLS_client_method()));
    int moved = 1;

    machine_pin(MACHINE_CLIENT_CORE);
    SSL_set_fd(ssl, socket);
    if (SSL_connect(ssl) != 1)
        _exit(1);
    for (uint64_t done = 0; done < size && moved > 0; done += (uint64_t)moved)
        moved = way == TLS_SEND ? SSL_read(ssl, buffer, sizeof(buffer))
                                : SSL_write(ssl, buffer, sizeof(buffer));
    SSL_shutdown(ssl);
    while (SSL_read(ssl, buffer, sizeof(buffer)) > 0)
        ;
    _exit(moved > 0 ? 0 : 1);
}

static int serve_a_client(const struct contender *self, struct tls_trial *trial,
                          struct sample *ret_sample)
{
    tls_server *const *server = self->context;
    int sockets[2], status = 0;
    int error = connect_pair(sockets);

    if (error < 0)
        return error;
    fflush(NULL);
    pid_t client = fork();
    if (client == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(sockets[1]);
        client_main(sockets[0], trial->way, trial->size);
    }
    close(sockets[0]);
    trial->socket = sockets[1];
    error = client < 0 ? -EAGAIN : (*server)(trial, ret_sample);
    if (client > 0 && (waitpid(client, &status, 0) < 0 || status != 0) && error == 0)
        error = -ECHILD;
    return error;
}

int tls_trial_run(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    char certificate[] = "/tmp/eddy-bench-XXXXXX";
    struct tls_trial trial = {.certificate = certificate,
                              .way = (enum tls_way)self->parameter,
                              .size = operations * TLS_MIB};
    int file = mkstemp(certificate);

    if (file < 0)
        return -errno;
    close(file);
    int error = make_certificate(certificate);
    if (error == 0)
        error = serve_a_client(self, &trial, ret_sample);
    unlink(certificate);
    return error;
}
