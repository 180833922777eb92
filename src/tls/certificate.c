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

struct key_password {
    const char *text; /* or NULL */
    bool asked;       /* the key is encrypted */
};

/* Never asks on the terminal, as OpenSSL would. */
static int key_password(char *buffer, int size, int writing, void *context)
{
    struct key_password *given = context; /* NULL of what needs none: a certificate */
    const char *password = given ? given->text : NULL;
    if (given)
        given->asked = true;
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
    struct key_password password = {.text = certificate->key_password};
    SSL_CTX_set_default_passwd_cb_userdata(ssl_context, &password);
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
    if (password.asked && !password.text) {
        ERR_clear_error();
        return eddy_fail(-EINVAL, "the private key of %s is encrypted, and no password was given",
                         key);
    }
    /* One wrong password of 256 opens to garbage that looks decrypted. */
    if (certificate->key_password && is_unsupported(ERR_peek_error())) {
        ERR_clear_error();
        return eddy_fail(-EINVAL, "the private key of %s can't be read: the password may be wrong",
                         key);
    }
    return load_failed("private key", key);
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

/* ---- which one a server shows ---- */

/* Types of keys that one connection can have certificates of; OpenSSL has fewer. */
#define KEY_TYPES 16

static bool has_name(const struct shown_certificate *shown, const char *name, size_t length)
{
    X509 *certificate = SSL_CTX_get0_certificate(shown->ssl_context);
    return X509_check_host(certificate, name, length, NAME_FLAGS, NULL) == 1;
}

static bool has_general_name(const struct shown_certificate *shown, const GENERAL_NAME *name)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    const unsigned char *data = ASN1_STRING_get0_data(value);
    size_t length = (size_t)ASN1_STRING_length(value);
    if (type == GEN_IPADD)
        return X509_check_ip(SSL_CTX_get0_certificate(shown->ssl_context), data, length, 0) == 1;
    return type != GEN_DNS || has_name(shown, (const char *)data, length);
}

void certificates_compare(struct identity *identity)
{
    struct shown_certificate *all = identity->certificates;
    GENERAL_NAMES *names = X509_get_ext_d2i(SSL_CTX_get0_certificate(all[0].ssl_context),
                                            NID_subject_alt_name, NULL, NULL);
    for (size_t i = 0; i < identity->certificate_count; i++) {
        all[i].key_type = EVP_PKEY_get0_type_name(SSL_CTX_get0_privatekey(all[i].ssl_context));
        all[i].is_like_first = sk_GENERAL_NAME_num(names) > 0;
        for (int j = 0; all[i].is_like_first && j < sk_GENERAL_NAME_num(names); j++)
            all[i].is_like_first = has_general_name(&all[i], sk_GENERAL_NAME_value(names, j));
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
}

struct choice {
    SSL *ssl;
    const char *name; /* NULL: those that are like the first */
    const char *key_types[KEY_TYPES];
    size_t count; /* of them: so many are shown */
};

static bool fits(const struct choice *choice, const struct shown_certificate *certificate)
{
    if (choice->count == KEY_TYPES)
        return false;
    for (size_t i = 0; i < choice->count; i++)
        if (strcmp(choice->key_types[i], certificate->key_type) == 0)
            return false;
    return choice->name ? has_name(certificate, choice->name, strlen(choice->name))
                        : certificate->is_like_first;
}

/* Beside those of other types; the first one's context is the connection's from its beginning. */
static bool show(struct choice *choice, const struct shown_certificate *certificate, bool first)
{
    SSL_CTX *ssl_context = certificate->ssl_context;
    STACK_OF(X509) *chain = NULL;
    choice->key_types[choice->count++] = certificate->key_type;
    if (choice->count == 1)
        return first || SSL_set_SSL_CTX(choice->ssl, ssl_context);
    (void)SSL_CTX_get0_chain_certs(ssl_context, &chain);
    return SSL_use_cert_and_key(choice->ssl, SSL_CTX_get0_certificate(ssl_context),
                                SSL_CTX_get0_privatekey(ssl_context), chain, false) == 1;
}

static bool show_fitting(struct choice *choice, const struct identity *identity)
{
    bool shown = true;
    for (size_t i = 0; shown && i < identity->certificate_count; i++)
        if (fits(choice, &identity->certificates[i]))
            shown = show(choice, &identity->certificates[i], i == 0);
    return shown;
}

static bool choose(SSL *ssl, const struct identity *identity, const char *name)
{
    struct choice choice = {.ssl = ssl, .name = name};
    bool shown = !name || show_fitting(&choice, identity);
    if (shown && !choice.count) { /* the client will tell whether the first one will do */
        choice.name = NULL;
        shown = show(&choice, &identity->certificates[0], true) && show_fitting(&choice, identity);
    }
    return shown;
}

int certificate_select(SSL *ssl, int *alert, void *argument)
{
    (void)argument;
    const struct identity *identity = channel_of(ssl)->identity;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (identity->certificate_count > 1 && !choose(ssl, identity, name)) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    return name ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}
