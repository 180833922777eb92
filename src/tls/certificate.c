/* SPDX-License-Identifier: MIT */
/*
 * Certificates, keys and roots from files, with failures that name the file; which certificate a
 * server shows.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include "tls.h"

/* There is nothing of that kind in the file. */
static bool is_no_start(unsigned long error)
{
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

static bool is_unsupported(unsigned long error)
{
    return ERR_GET_LIB(error) == ERR_LIB_OSSL_DECODER && ERR_GET_REASON(error) == ERR_R_UNSUPPORTED;
}

static int load_failed(const char *what, const char *file)
{
    char text[TEXT_SIZE];
    unsigned long error = ERR_peek_error();
    bool empty = is_no_start(error) || is_unsupported(error);
    int code = openssl_error(-EINVAL, text);
    return empty ? eddy_fail(code, "%s holds no %s (PEM)", file, what)
                 : eddy_fail(code, "the %s of %s can't be read: %s", what, file, text);
}

/* Never asks on the terminal, as OpenSSL would. */
static int key_password(char *buffer, int size, int writing, void *password)
{
    (void)writing;
    size_t length = password ? strlen(password) : 0;
    if (length > (size_t)size)
        return -1;
    memcpy(buffer, password ? password : "", length);
    return (int)length;
}

int certificate_load(SSL_CTX *ssl_context, const struct eddy_tls_certificate *certificate)
{
    const char *file = certificate->certificate_file;
    const char *key = certificate->key_file ? certificate->key_file : file;
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ssl_context, file) != 1)
        return load_failed("certificate", file);
    SSL_CTX_set_default_passwd_cb(ssl_context, key_password);
    SSL_CTX_set_default_passwd_cb_userdata(ssl_context,
                                           (void *)(uintptr_t)certificate->key_password);
    int loaded = SSL_CTX_use_PrivateKey_file(ssl_context, key, SSL_FILETYPE_PEM);
    SSL_CTX_set_default_passwd_cb_userdata(ssl_context, NULL);
    if (loaded == 1 && SSL_CTX_check_private_key(ssl_context) == 1)
        return 0;
    unsigned long error = ERR_peek_last_error();
    if (ERR_GET_LIB(error) == ERR_LIB_X509 &&
        (ERR_GET_REASON(error) == X509_R_KEY_VALUES_MISMATCH ||
         ERR_GET_REASON(error) == X509_R_KEY_TYPE_MISMATCH)) {
        ERR_clear_error();
        return eddy_fail(-EINVAL, "the key of %s isn't that of the certificate of %s", key, file);
    }
    /* One wrong password of 256 opens to garbage that looks decrypted. */
    if (certificate->key_password && is_unsupported(ERR_peek_error())) {
        ERR_clear_error();
        return eddy_fail(-EINVAL, "the private key of %s can't be read: the password may be wrong",
                         key);
    }
    return load_failed(
        certificate->key_password ? "private key" : "private key (no password given)", key);
}

static int roots_load_text(X509_STORE *store, const char *text)
{
    BIO *bio = BIO_new_mem_buf(text, -1);
    if (!bio)
        return eddy_fail(-ENOMEM, "no memory for roots");
    int count = 0, added = 1;
    X509 *root;
    while (added && (root = PEM_read_bio_X509(bio, NULL, key_password, NULL))) {
        added = X509_STORE_add_cert(store, root);
        X509_free(root);
        count++;
    }
    BIO_free(bio);
    if (!added || !count || !is_no_start(ERR_peek_last_error()))
        return load_failed("certificate", "ca_text");
    ERR_clear_error();
    return 0;
}

int roots_load(SSL_CTX *ssl_context, const struct eddy_tls_context_options *options)
{
    ERR_clear_error();
    if (!options->ca_file && !options->ca_text) {
        if (SSL_CTX_set_default_verify_paths(ssl_context) == 1) {
            ERR_clear_error(); /* of a file that isn't there: another way may be */
            return 0;
        }
        return load_failed("roots", X509_get_default_cert_file());
    }
    if (options->ca_file && SSL_CTX_load_verify_file(ssl_context, options->ca_file) != 1)
        return load_failed("certificate", options->ca_file);
    return options->ca_text ? roots_load_text(SSL_CTX_get_cert_store(ssl_context), options->ca_text)
                            : 0;
}

int certificate_select(SSL *ssl, int *alert, void *argument)
{
    (void)alert;
    (void)argument;
    const struct identity *identity = channel_of(ssl)->identity;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (!name)
        return SSL_TLSEXT_ERR_NOACK;
    for (size_t i = 0; i < identity->certificate_count; i++) {
        SSL_CTX *ssl_context = identity->certificates[i];
        X509 *certificate = SSL_CTX_get0_certificate(ssl_context);
        if (certificate && X509_check_host(certificate, name, 0,
                                           X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1) {
            if (i > 0)
                (void)SSL_set_SSL_CTX(ssl, ssl_context);
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_OK; /* the first one: the client will tell whether it will do */
}
