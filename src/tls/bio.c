/* SPDX-License-Identifier: MIT */
/*
 * Where OpenSSL reads and writes: the channel's two buffers. Neither callback ever waits.
 */
#include <string.h>
#include "tls.h"

#define LONG_RECORD 8192

bool bytes_append(struct bytes *bytes, const void *data, size_t size)
{
    size_t have = bytes->end - bytes->begin;
    if (size > bytes->capacity - bytes->end) {
        /* Of a long write more records follow this one. */
        size_t capacity = size > LONG_RECORD ? have + WRITE_RECORDS * (size + 32)
                                             : 2 * have + size + 128;
        unsigned char *larger = OPENSSL_malloc(capacity);
        if (!larger)
            return false;
        if (have)
            memcpy(larger, bytes->data + bytes->begin, have);
        OPENSSL_free(bytes->data);
        *bytes = (struct bytes){.data = larger, .end = have, .capacity = capacity};
    }
    memcpy(bytes->data + bytes->end, data, size);
    bytes->end += size;
    return true;
}

void bytes_clear(struct bytes *bytes)
{
    bytes->begin = bytes->end = 0;
    if (bytes->capacity > EMBEDDED_SIZE) {
        OPENSSL_free(bytes->data);
        *bytes = (struct bytes){.data = NULL};
    }
}

static int bio_read(BIO *bio, char *buffer, int size)
{
    struct channel *channel = BIO_get_data(bio);
    struct bytes *input = &channel->input;
    BIO_clear_retry_flags(bio);
    size_t have = input->end - input->begin;
    if (!have) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t taken = (size_t)size < have ? (size_t)size : have;
    memcpy(buffer, input->data + input->begin, taken);
    input->begin += taken;
    return (int)taken;
}

static int bio_write(BIO *bio, const char *data, int size)
{
    struct channel *channel = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (bytes_append(&channel->output, data, (size_t)size))
        return size;
    channel->out_of_memory = true;
    return -1;
}

static long bio_control(BIO *bio, int what, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return what == BIO_CTRL_FLUSH;
}

static pthread_mutex_t method_lock = PTHREAD_MUTEX_INITIALIZER;

/* One for the program, for good. */
static const BIO_METHOD *bio_method(void)
{
    static BIO_METHOD *method;
    (void)pthread_mutex_lock(&method_lock);
    if (!method) {
        BIO_METHOD *made = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "eddy stream");
        if (made && BIO_meth_set_read(made, bio_read) && BIO_meth_set_write(made, bio_write) &&
            BIO_meth_set_ctrl(made, bio_control))
            method = made;
        else
            BIO_meth_free(made);
    }
    (void)pthread_mutex_unlock(&method_lock);
    return method;
}

BIO *bio_new(struct channel *channel)
{
    const BIO_METHOD *method = bio_method();
    BIO *bio = method ? BIO_new(method) : NULL;
    if (!bio)
        return NULL;
    BIO_set_data(bio, channel);
    BIO_set_init(bio, 1);
    return bio;
}
