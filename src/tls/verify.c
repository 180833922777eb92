/* SPDX-License-Identifier: MIT */
/*
 * Checks of the peer's certificate, told in a sentence: which check, which certificate, which name.
 */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include "tls.h"

/* ---- names ---- */

/* Grows beyond the buffer, in which the end is missing then. */
struct name_list {
    char *buffer;
    size_t size, length;
};

static void list_put(struct name_list *list, char c)
{
    if (list->length + 1 < list->size)
        list->buffer[list->length] = c;
    list->length++;
}

static void list_put_text(struct name_list *list, const char *text)
{
    while (*text)
        list_put(list, *text++);
}

static bool is_printable(char c)
{
    return c >= ' ' && c <= '~';
}

static void list_put_quoted(struct name_list *list, const char *name, size_t length)
{
    char code[8];
    list_put(list, '"');
    for (size_t i = 0; i < length; i++) {
        if (is_printable(name[i]))
            (void)snprintf(code, sizeof code, strchr("\"\\", name[i]) ? "\\%c" : "%c", name[i]);
        else
            (void)snprintf(code, sizeof code, "\\x%02x", (unsigned char)name[i]);
        list_put_text(list, code);
    }
    list_put(list, '"');
}

/* A stranger's names: in quotation marks what could be taken for something else. */
static void name_add(struct name_list *list, const char *name, size_t length, bool quoted)
{
    quoted |= length == 0;
    for (size_t i = 0; i < length; i++)
        quoted |= !is_printable(name[i]) || strchr(",\"\\", name[i]);
    if (list->length)
        list_put_text(list, ", ");
    if (quoted)
        list_put_quoted(list, name, length);
    else
        for (size_t i = 0; i < length; i++)
            list_put(list, name[i]);
}

static void name_add_host(struct name_list *list, const ASN1_STRING *name)
{
    unsigned char address[ADDRESS_SIZE];
    const char *text = (const char *)ASN1_STRING_get0_data(name); /* with a NUL behind it */
    name_add(list, text, (size_t)ASN1_STRING_length(name), name_address(text, address) != 0);
}

static void name_add_address(struct name_list *list, const ASN1_OCTET_STRING *address)
{
    char text[INET6_ADDRSTRLEN];
    int family = ASN1_STRING_length(address) == 4 ? AF_INET : AF_INET6;
    if (family == AF_INET6 && ASN1_STRING_length(address) != 16)
        return;
    if (inet_ntop(family, ASN1_STRING_get0_data(address), text, sizeof text))
        name_add(list, text, strlen(text), false);
}

static const ASN1_STRING *common_name(const X509_NAME *subject)
{
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    return at < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
}

int certificate_names(const X509 *certificate, char *buffer, size_t size)
{
    struct name_list list = {.buffer = buffer, .size = size};
    int found;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, &found, NULL);
    if (!names && found != -1) {
        char text[TEXT_SIZE];
        int r = openssl_error(-EBADMSG, text);
        return eddy_fail(r, "the names of a certificate can't be read: %s", text);
    }
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
        int type;
        const ASN1_STRING *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
        if (type == GEN_DNS)
            name_add_host(&list, value);
        else if (type == GEN_IPADD)
            name_add_address(&list, value);
    }
    GENERAL_NAMES_free(names);
    const ASN1_STRING *common = list.length ? NULL
                                            : common_name(X509_get_subject_name(certificate));
    if (common)
        name_add(&list, (const char *)ASN1_STRING_get0_data(common),
                 (size_t)ASN1_STRING_length(common), false);
    if (size)
        buffer[list.length < size ? list.length : size - 1] = '\0';
    return (int)list.length;
}

/* ---- sentences ---- */

#define WHO_SIZE 480

/* From a stranger: nothing that would move a terminal. */
static void subject_name(const X509_NAME *subject, char text[NAME_SIZE])
{
    const ASN1_STRING *common = common_name(subject);
    size_t length = common ? (size_t)ASN1_STRING_length(common) : 0;
    if (length >= NAME_SIZE)
        length = NAME_SIZE - 1;
    if (common) {
        memcpy(text, ASN1_STRING_get0_data(common), length);
        text[length] = '\0';
    } else if (!X509_NAME_oneline(subject, text, NAME_SIZE) || !text[0]) {
        (void)snprintf(text, NAME_SIZE, "(nobody)");
    }
    for (size_t i = 0; i < length || text[i]; i++)
        if (!is_printable(text[i]))
            text[i] = '?';
}

/* "2026-01-27 12:00:00 UTC" */
static void time_text(const ASN1_TIME *time, char text[32])
{
    struct tm parts;
    if (!ASN1_TIME_to_tm(time, &parts) || !strftime(text, 32, "%Y-%m-%d %H:%M:%S UTC", &parts))
        (void)snprintf(text, 32, "a time unknown");
}

/* "the certificate of example.org", or one further up: "the certificate of 'Some CA', above that of
 * example.org". */
static void whose(const struct channel *channel, const X509 *certificate, int depth,
                  char text[WHO_SIZE])
{
    char subject[NAME_SIZE];
    subject_name(X509_get_subject_name(certificate), subject);
    if (depth == 0)
        (void)snprintf(text, WHO_SIZE, "the certificate of %s", channel->peer);
    else
        (void)snprintf(text, WHO_SIZE, "the certificate of '%.150s', above that of %s,", subject,
                       channel->peer);
}

static void refuse(struct channel *channel, int error, const X509 *certificate, int depth)
{
    int length;
    char who[WHO_SIZE], other[NAME_SIZE], time[32];
    char *text = channel->refused = OPENSSL_malloc(TEXT_SIZE);
    if (!text)
        return; /* then OpenSSL's own words will do */
    whose(channel, certificate, depth, who);
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        time_text(X509_get0_notAfter(certificate), time);
        (void)snprintf(text, TEXT_SIZE, "%s expired on %s", who, time);
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        time_text(X509_get0_notBefore(certificate), time);
        (void)snprintf(text, TEXT_SIZE, "%s isn't valid before %s", who, time);
        break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        length = certificate_names(certificate, other, sizeof other);
        if (length < 0)
            (void)snprintf(other, sizeof other, "names that can't be read");
        else if (length >= (int)sizeof other)
            memcpy(other + sizeof other - 4, "...", 4);
        (void)snprintf(text, TEXT_SIZE, "the certificate is for %s; not for %s",
                       other[0] ? other : "no name at all", channel->peer);
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        (void)snprintf(text, TEXT_SIZE, "%s is self-signed, and not among the roots", who);
        break;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        subject_name(X509_get_subject_name(certificate), other);
        (void)snprintf(text, TEXT_SIZE,
                       "the certificate of %s leads up to '%s', which is not among the roots",
                       channel->peer, other);
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        subject_name(X509_get_issuer_name(certificate), other);
        (void)snprintf(text, TEXT_SIZE,
                       "%.300s was issued by '%.150s', which is not among the roots", who, other);
        break;
    default:
        (void)snprintf(text, TEXT_SIZE, "%.300s was refused: %s", who,
                       X509_verify_cert_error_string(error));
    }
}

int verify_callback(int fine, X509_STORE_CTX *store)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct channel *channel = ssl ? channel_of(ssl) : NULL;
    const X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    if (!fine && channel && certificate && !channel->refused)
        refuse(channel, X509_STORE_CTX_get_error(store), certificate,
               X509_STORE_CTX_get_error_depth(store));
    return fine;
}

/* ---- the name, once more ---- */

size_t name_address(const char *name, unsigned char bytes[ADDRESS_SIZE])
{
    char number[INET6_ADDRSTRLEN];
    size_t length = strcspn(name, "%");
    if (inet_pton(AF_INET, name, bytes) == 1)
        return sizeof(struct in_addr);
    if (length >= sizeof number)
        return 0;
    memcpy(number, name, length);
    number[length] = '\0';
    return inet_pton(AF_INET6, number, bytes) == 1 ? sizeof(struct in6_addr) : 0;
}

static int refuse_name(struct channel *channel, const X509 *certificate, int error)
{
    refuse(channel, error, certificate, 0);
    return eddy_fail(-EKEYREJECTED, "%s",
                     channel->refused ? channel->refused : X509_verify_cert_error_string(error));
}

int verify_name(struct channel *channel)
{
    const char *name = channel->peer;
    X509 *certificate = SSL_get0_peer_certificate(channel->ssl);
    unsigned char address[ADDRESS_SIZE];
    size_t size = name_address(name, address);
    int fits = -1;
    if (certificate)
        fits = size ? X509_check_ip(certificate, address, size, 0)
                    : X509_check_host(certificate, name, 0, NAME_FLAGS, NULL);
    ERR_clear_error();
    if (fits == 1)
        return 0;
    channel->failed = true;
    if (fits < 0)
        return eddy_fail(-ENOMEM, "no memory to check the certificate of %s", name);
    return refuse_name(channel, certificate,
                       size ? X509_V_ERR_IP_ADDRESS_MISMATCH : X509_V_ERR_HOSTNAME_MISMATCH);
}
