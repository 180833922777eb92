/* SPDX-License-Identifier: MIT */
#include "certificates.h"

#include <dirent.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <eddy.h>
#include "support/folder.h"

#define DAY (24L * 60 * 60)

struct party {
    X509 *certificate;
    EVP_PKEY *key;
};

struct wanted {
    const char *file;
    const char *common_name;
    const char *names; /* of the extension, or NULL */
    bool authority;
    long from, to; /* seconds from now */
    const struct party *issuer;
    bool with_issuer;         /* its certificate behind the own */
    const char *key_type;     /* "RSA", "EC"; NULL: Ed25519 */
    const char *const *hosts; /* names that the extension's text can't say, or NULL */
};

static const char pair[] = "DNS:pair.test,IP:127.0.0.1";
static char directory[TEST_PATH];
static struct party root;
static pid_t maker;

static void check(bool fine, const char *what)
{
    if (!fine) {
        (void)fprintf(stderr, "certificates: %s\n", what);
        abort();
    }
}

const char *certificate_path(const char *name)
{
    static char paths[32][TEST_PATH + 32];
    static unsigned next;
    static pthread_once_t once = PTHREAD_ONCE_INIT, rsa_once = PTHREAD_ONCE_INIT;
    extern void certificates_make(void), certificates_make_rsa(void);
    (void)pthread_once(&once, certificates_make);
    if (strncmp(name, "rsa", 3) == 0)
        (void)pthread_once(&rsa_once, certificates_make_rsa);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (strcmp(strrchr(paths[i], '/') ? strrchr(paths[i], '/') + 1 : "", name) == 0)
            return paths[i];
    check(next < sizeof paths / sizeof paths[0], "too many paths");
    (void)snprintf(paths[next], sizeof paths[0], "%s/%s", directory, name);
    return paths[next++];
}

static FILE *open_file(const char *name, const char *mode)
{
    char path[TEST_PATH + 32];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, mode);
    check(file, path);
    return file;
}

static void extend(X509 *certificate, X509 *issuer, int kind, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    check(extension && X509_add_ext(certificate, extension, -1), value);
    X509_EXTENSION_free(extension);
}

static void extend_by_hosts(X509 *certificate, const char *const *hosts)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    for (; *hosts; hosts++) {
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_IA5STRING *text = ASN1_IA5STRING_new();
        check(name && text && ASN1_STRING_set(text, *hosts, -1), *hosts);
        GENERAL_NAME_set0_value(name, GEN_DNS, text);
        check(sk_GENERAL_NAME_push(names, name) > 0, *hosts);
    }
    check(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0) == 1, "names");
    GENERAL_NAMES_free(names);
}

/* One RSA key for all: it takes its time. */
static EVP_PKEY *make_key(const char *type)
{
    static EVP_PKEY *rsa;
    if (!type)
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (strcmp(type, "EC") == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    if (!rsa)
        rsa = EVP_PKEY_Q_keygen(NULL, NULL, type, (size_t)2048);
    return EVP_PKEY_up_ref(rsa) ? rsa : NULL;
}

static struct party make(const struct wanted *wanted)
{
    static long serial;
    struct party made = {X509_new(), make_key(wanted->key_type)};
    X509 *own = made.certificate;
    check(own && made.key, "no key");
    X509 *issuer = wanted->issuer ? wanted->issuer->certificate : own;
    X509_set_version(own, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(own), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(own), wanted->from);
    X509_gmtime_adj(X509_getm_notAfter(own), wanted->to);
    X509_set_pubkey(own, made.key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(own), "CN", MBSTRING_ASC,
                               (const unsigned char *)wanted->common_name, -1, -1, 0);
    X509_set_issuer_name(own, X509_get_subject_name(issuer));
    extend(own, issuer, NID_basic_constraints, wanted->authority ? "critical,CA:TRUE" : "CA:FALSE");
    extend(own, issuer, NID_subject_key_identifier, "hash");
    extend(own, issuer, NID_authority_key_identifier, "keyid");
    if (wanted->authority)
        extend(own, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
    if (wanted->names)
        extend(own, issuer, NID_subject_alt_name, wanted->names);
    if (wanted->hosts)
        extend_by_hosts(own, wanted->hosts);
    check(X509_sign(own, wanted->issuer ? wanted->issuer->key : made.key, NULL) > 0,
          "no signature");
    FILE *file = open_file(wanted->file, "w");
    check(
        PEM_write_X509(file, own) && (!wanted->with_issuer || PEM_write_X509(file, issuer)) &&
            (wanted->authority || PEM_write_PrivateKey(file, made.key, NULL, NULL, 0, NULL, NULL)),
        wanted->file);
    check(fclose(file) == 0, wanted->file);
    return made;
}

static void forget(struct party party)
{
    X509_free(party.certificate);
    EVP_PKEY_free(party.key);
}

static void remove_directory(void)
{
    if (getpid() != maker)
        return;
    DIR *open = opendir(directory);
    const struct dirent *entry;
    while (open && (entry = readdir(open)))
        (void)unlinkat(dirfd(open), entry->d_name, 0);
    if (open)
        (void)closedir(open);
    (void)rmdir(directory);
}

void certificates_make(void);
void certificates_make(void)
{
    static const char *const odd[] = {"a.test, b.test", "",     "192.0.2.1",  "::1",
                                      "say \"a\\b\"",   "a\nb", "plain.test", NULL};
    static const char local[] = "DNS:localhost,IP:127.0.0.1";
    check(mkdtemp(test_path(directory, test_folder(), "eddy-tls-XXXXXX")), directory);
    maker = getpid();
    (void)atexit(remove_directory);
    root = make(&(struct wanted){.file = "root.pem",
                                 .common_name = "Root of the tests",
                                 .authority = true,
                                 .from = -DAY,
                                 .to = DAY});
    struct party middle = make(&(struct wanted){.file = "middle.pem",
                                                .common_name = "Middle of the tests",
                                                .authority = true,
                                                .from = -DAY,
                                                .to = DAY,
                                                .issuer = &root});
    const struct wanted all[] = {
        {"two.pem", "two", "DNS:a.test,DNS:*.b.test", false, -DAY, DAY, &root, false, NULL, NULL},
        {"part.pem", "part", "DNS:w*.d.test", false, -DAY, DAY, &root, false, NULL, NULL},
        {"three.pem", "three", "DNS:c.test", false, -DAY, DAY, &root, false, NULL, NULL},
        {"scope.pem", "scope", "IP:fe80::1", false, -DAY, DAY, &root, false, NULL, NULL},
        {"expired.pem", "localhost", local, false, -9 * DAY, -2 * DAY, &root, false, NULL, NULL},
        {"future.pem", "localhost", local, false, 2 * DAY, 9 * DAY, &root, false, NULL, NULL},
        {"self.pem", "localhost", local, false, -DAY, DAY, NULL, false, NULL, NULL},
        {"chain.pem", "localhost", local, false, -DAY, DAY, &middle, true, NULL, NULL},
        {"leaf.pem", "localhost", local, false, -DAY, DAY, &middle, false, NULL, NULL},
        {"ec.pem", "pair.test", pair, false, -DAY, DAY, &root, false, "EC", NULL},
        {"ec-local.pem", "localhost", local, false, -DAY, DAY, &root, false, "EC", NULL},
        {"odd.pem", "odd", NULL, false, -DAY, DAY, &root, false, NULL, odd},
        {"comma.pem", "Some, Inc. \x7f", NULL, false, -DAY, DAY, &root, false, NULL, NULL},
        {"client.pem", "client", NULL, false, -DAY, DAY, &root, false, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        forget(make(&all[i]));
    struct party own = make(&(struct wanted){"localhost.pem", "localhost", local, false, -DAY, DAY,
                                             &root, false, NULL, NULL});
    FILE *plain = open_file("key.pem", "w"), *locked = open_file("locked.pem", "w");
    check(PEM_write_PrivateKey(plain, own.key, NULL, NULL, 0, NULL, NULL) &&
              PEM_write_PrivateKey(locked, own.key, EVP_aes_256_cbc(),
                                   (const unsigned char *)"secret", 6, NULL, NULL),
          "keys");
    check(fclose(plain) == 0 && fclose(locked) == 0, "keys");
    forget(own);
    forget(middle);
}

/* Only for those who ask for them. */
void certificates_make_rsa(void);
void certificates_make_rsa(void)
{
    const struct wanted all[] = {
        {"rsa.pem", "pair.test", pair, false, -DAY, DAY, &root, false, "RSA", NULL},
        {"rsa-more.pem", "more.test", "DNS:more.test,DNS:pair.test", false, -DAY, DAY, &root, false,
         "RSA", NULL},
        {"rsa-other.pem", "other.test", "DNS:other.test", false, -DAY, DAY, &root, false, "RSA",
         NULL},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        forget(make(&all[i]));
}

void certificate_copy(const char *from, const char *to)
{
    char text[16384];
    (void)certificate_path(from); /* they are made */
    FILE *source = open_file(from, "r"), *target = open_file(to, "w");
    size_t size = fread(text, 1, sizeof text, source);
    check(fwrite(text, 1, size, target) == size && fclose(target) == 0, to);
    (void)fclose(source);
}

eddy_tls_context *tls_context(enum eddy_tls_side side,
                              const struct eddy_tls_context_options *options)
{
    eddy_tls_context *context = NULL;
    if (eddy_tls_context_open(side, options, &context) < 0) {
        eddy_failure_print(eddy_last_failure(), stderr);
        abort();
    }
    return context;
}

eddy_tls_context *server_of(const char *name)
{
    const struct eddy_tls_certificate certificate = {certificate_path(name), NULL, NULL};
    return server_with(.certificates = &certificate, .certificate_count = 1);
}

eddy_tls_context *client_of_root(void)
{
    return client_with(.ca_file = certificate_path("root.pem"));
}
