/* SPDX-License-Identifier: MIT */
/*
 * What a context is asked for: checked, and copied, so that it can read its files again.
 */
#include <stdio.h>
#include <string.h>
#include "tls.h"

/* False without memory. */
static bool copy_text(const char **text)
{
    if (!*text)
        return true;
    *text = OPENSSL_strdup(*text);
    return *text;
}

static void free_text(const char *text)
{
    OPENSSL_free((void *)(uintptr_t)text);
}

static void free_secret(const char *text)
{
    if (text)
        OPENSSL_clear_free((void *)(uintptr_t)text, strlen(text));
}

void options_free(eddy_tls_context *context)
{
    struct eddy_tls_context_options *options = &context->options;
    for (size_t i = 0; options->certificates && i < options->certificate_count; i++) {
        free_text(options->certificates[i].certificate_file);
        free_text(options->certificates[i].key_file);
        free_secret(options->certificates[i].key_password);
    }
    OPENSSL_free((void *)(uintptr_t)options->certificates);
    free_text(options->ca_file);
    free_text(options->ca_text);
    free_text(options->ciphers);
    free_text(options->key_log_file);
    OPENSSL_free(context->protocols);
}

static int options_check(enum eddy_tls_side side, const struct eddy_tls_context_options *options)
{
    enum { CERTIFICATES_MOST = 1024 };
    if (options->certificate_count > CERTIFICATES_MOST)
        return eddy_fail(-EINVAL,
                         "eddy_tls_context_open: %zu certificates, at most %d are possible",
                         options->certificate_count, CERTIFICATES_MOST);
    if (options->certificate_count && !options->certificates)
        return eddy_fail(-EINVAL, "eddy_tls_context_open: %zu certificates, and NULL",
                         options->certificate_count);
    for (size_t i = 0; i < options->certificate_count; i++)
        if (!options->certificates[i].certificate_file)
            return eddy_fail(-EINVAL, "eddy_tls_context_open: certificate %zu has no file", i);
    if (side == EDDY_TLS_SERVER && !options->certificate_count)
        return eddy_fail(-EINVAL, "eddy_tls_context_open: a server needs a certificate");
    if ((unsigned)options->verify > EDDY_TLS_VERIFY_REQUIRED)
        return eddy_fail(-EINVAL, "eddy_tls_context_open: verify is %d", (int)options->verify);
    if ((options->least && options->least < EDDY_TLS_1_2) ||
        (options->most && options->most < EDDY_TLS_1_2))
        return eddy_fail(-EINVAL,
                         "eddy_tls_context_open: TLS before 1.2 is broken, and not spoken");
    if (options->most && options->least > options->most)
        return eddy_fail(-EINVAL,
                         "eddy_tls_context_open: versions of TLS from 0x%04x to 0x%04x: "
                         "there is none between",
                         (unsigned)options->least, (unsigned)options->most);
    if (side == EDDY_TLS_SERVER && (options->ca_file || options->ca_text) &&
        options->verify <= EDDY_TLS_VERIFY_NONE)
        return eddy_fail(-EINVAL,
                         "eddy_tls_context_open: roots, but clients aren't to be verified");
    return 0;
}

/* As ALPN sends them: each behind its length. */
static int protocols_copy(eddy_tls_context *context, const char *const *protocols)
{
    size_t size = 0;
    for (size_t i = 0; protocols && protocols[i]; i++) {
        size_t length = strlen(protocols[i]);
        if (!length || length > 255)
            return eddy_fail(-EINVAL, "eddy_tls_context_open: a protocol's name of %zu bytes",
                             length);
        size += 1 + length;
    }
    if (size > UINT16_MAX)
        return eddy_fail(-EINVAL, "eddy_tls_context_open: too many protocols");
    if (!size)
        return 0;
    unsigned char *at = context->protocols = OPENSSL_malloc(size);
    if (!at)
        return eddy_fail(-ENOMEM, "no memory for a TLS context");
    context->protocols_size = size;
    for (size_t i = 0; protocols[i]; i++) {
        size_t length = strlen(protocols[i]);
        *at++ = (unsigned char)length;
        memcpy(at, protocols[i], length);
        at += length;
    }
    return 0;
}

static bool certificates_copy(struct eddy_tls_context_options *options)
{
    const struct eddy_tls_certificate *all = options->certificates;
    size_t count = options->certificate_count;
    options->certificates = NULL;
    if (!count)
        return true;
    struct eddy_tls_certificate *copy = OPENSSL_zalloc(count * sizeof *copy);
    if (!copy)
        return false;
    options->certificates = copy;
    for (size_t i = 0; i < count; i++) {
        struct eddy_tls_certificate one = all[i];
        bool fine = copy_text(&one.certificate_file);
        copy[i].certificate_file = one.certificate_file;
        fine = fine && copy_text(&one.key_file);
        copy[i].key_file = fine ? one.key_file : NULL;
        fine = fine && copy_text(&one.key_password);
        copy[i].key_password = fine ? one.key_password : NULL;
        if (!fine)
            return false;
    }
    return true;
}

int options_copy(eddy_tls_context *context, const struct eddy_tls_context_options *options)
{
    int r = options_check(context->side, options);
    if (r < 0)
        return r;
    struct eddy_tls_context_options *copy = &context->options;
    *copy = *options;
    copy->protocols = NULL; /* in context->protocols */
    copy->ca_file = copy->ca_text = copy->ciphers = copy->key_log_file = NULL;
    if (copy->verify == EDDY_TLS_VERIFY_DEFAULT)
        copy->verify = context->side == EDDY_TLS_CLIENT ? EDDY_TLS_VERIFY_REQUIRED
                                                        : EDDY_TLS_VERIFY_NONE;
    context->verifies = copy->verify != EDDY_TLS_VERIFY_NONE;
    context->any_name = copy->any_name;
    bool fine = certificates_copy(copy);
    const char *const from[] = {options->ca_file, options->ca_text, options->ciphers,
                                options->key_log_file};
    const char **const to[] = {&copy->ca_file, &copy->ca_text, &copy->ciphers, &copy->key_log_file};
    for (size_t i = 0; fine && i < sizeof to / sizeof to[0]; i++) {
        *to[i] = from[i];
        fine = copy_text(to[i]);
    }
    return fine ? protocols_copy(context, options->protocols)
                : eddy_fail(-ENOMEM, "no memory for a TLS context");
}
