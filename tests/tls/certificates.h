/* SPDX-License-Identifier: MIT */
/*
 * Certificates for tests: made when first asked for, in a directory that goes when the program
 * ends. Keys are Ed25519, whose signatures are of one size, so that handshakes are too.
 */
#ifndef EDDY_TESTS_TLS_CERTIFICATES_H
#define EDDY_TESTS_TLS_CERTIFICATES_H

#include <eddy/tls.h>

/* The path of a file of this directory, valid until the program ends:
 *   root.pem           the authority that issued the others
 *   localhost.pem      for localhost and 127.0.0.1, with its key
 *   two.pem            for a.test and *.b.test
 *   three.pem          for c.test
 *   scope.pem          for fe80::1
 *   expired.pem, future.pem   for localhost, at another time
 *   self.pem           for localhost, by itself
 *   chain.pem          for localhost, by an intermediate authority whose certificate follows
 *   leaf.pem           the same without the intermediate one
 *   client.pem         for a client, "client"
 *   ec-local.pem       for localhost and 127.0.0.1, of an EC key
 *   rsa.pem, ec.pem    for pair.test and 127.0.0.1, of such keys
 *   rsa-more.pem, rsa-other.pem   for more.test and pair.test; for other.test, of RSA keys
 *   odd.pem            for hosts that have strange names, comma.pem of one that has no names
 *   key.pem            localhost's key alone;   locked.pem: encrypted by "secret"
 * and others are just paths. */
const char *certificate_path(const char *name);

/* Puts what `from` holds in the place of `to`. */
void certificate_copy(const char *from, const char *to);

/* With this one certificate; NULL aborts. The caller's, to close. */
eddy_tls_context *server_of(const char *name);

/* A client that trusts root.pem. */
eddy_tls_context *client_of_root(void);

#define client_with(...)                                                                           \
    tls_context(EDDY_TLS_CLIENT, &(const struct eddy_tls_context_options){__VA_ARGS__})
#define server_with(...)                                                                           \
    tls_context(EDDY_TLS_SERVER, &(const struct eddy_tls_context_options){__VA_ARGS__})
eddy_tls_context *tls_context(enum eddy_tls_side side,
                              const struct eddy_tls_context_options *options);

#endif
