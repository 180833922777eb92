/* SPDX-License-Identifier: MIT */
/*
 * What OpenSSL's queue of errors says, as a failure.
 */
#include <openssl/err.h>
#include <openssl/proverr.h>
#include <openssl/sslerr.h>
#include <stdio.h>
#include <string.h>
#include "tls.h"

static int reason_code(unsigned long error, int code)
{
    int reason = ERR_GET_REASON(error);
    if (ERR_SYSTEM_ERROR(error))
        return reason ? -reason : code;
    if (reason == ERR_R_MALLOC_FAILURE)
        return -ENOMEM;
    if (ERR_GET_LIB(error) == ERR_LIB_SSL && (reason == SSL_R_CERTIFICATE_VERIFY_FAILED ||
                                              reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE))
        return -EKEYREJECTED;
    return code;
}

/* OpenSSL 3.0 has no text for the newer ones beside that of the error. */
static const char *alert_text(int alert, const char *known)
{
    const char *text = SSL_alert_desc_string_long(alert);
    return strcmp(text, "unknown") == 0 && known ? known : text;
}

static void reason_text(unsigned long error, char text[TEXT_SIZE])
{
    int reason = ERR_GET_REASON(error);
    bool of_tls = ERR_GET_LIB(error) == ERR_LIB_SSL;
    const char *known = ERR_SYSTEM_ERROR(error) ? strerror(reason) : ERR_reason_error_string(error);
    if (of_tls && reason >= SSL_AD_REASON_OFFSET)
        (void)snprintf(text, TEXT_SIZE, "the peer refused by the alert \"%s\"",
                       alert_text(reason - SSL_AD_REASON_OFFSET, known));
    else if (of_tls && (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
                        reason == SSL_R_HTTPS_PROXY_REQUEST))
        (void)snprintf(text, TEXT_SIZE, "what the peer sent isn't TLS (%s)", known);
    else if (known)
        (void)snprintf(text, TEXT_SIZE, "%s", known);
    else
        (void)snprintf(text, TEXT_SIZE, "OpenSSL's error %08lX", error);
}

/* The first is the cause, and others what OpenSSL then makes of it. But of a record that can't be
 * decrypted TLS knows more than the cipher. */
static unsigned long telling_error(void)
{
    unsigned long first = ERR_get_error(), error = first;
    if (ERR_GET_LIB(first) == ERR_LIB_PROV &&
        ERR_GET_REASON(first) == PROV_R_CIPHER_OPERATION_FAILED)
        while (error && ERR_GET_LIB(error) != ERR_LIB_SSL)
            error = ERR_get_error();
    return error ? error : first;
}

int openssl_error(int code, char text[TEXT_SIZE])
{
    unsigned long error = telling_error();
    if (!error) {
        (void)snprintf(text, TEXT_SIZE, "OpenSSL doesn't say why");
        return code;
    }
    code = reason_code(error, code);
    reason_text(error, text);
    ERR_clear_error();
    return code;
}
