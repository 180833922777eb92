/* SPDX-License-Identifier: MIT */
/*
 * Connected streams for tests, and data that knows its place: byte i of a transfer is pattern(i).
 */
#ifndef EDDY_TESTS_STREAM_PAIRS_H
#define EDDY_TESTS_STREAM_PAIRS_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include "loop.h"
#include "support/test.h"
#include "test/session.h"

enum pair_kind {
    PAIR_UNIX,
    PAIR_TCP,
    PAIR_PIPE, /* [0] reads, [1] writes */
};

/* A listening socket on 127.0.0.1. */
TEST_HELPER int listening_socket(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 ||
        listen(listener, 100) < 0 || getsockname(listener, (struct sockaddr *)&address, &size) < 0)
        abort();
    *port = ntohs(address.sin_port);
    return listener;
}

/* A plain, blocking client. */
TEST_HELPER int connected_socket(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client < 0)
        abort();
    /* Interrupted by a signal it goes on by itself: the next call waits for that, or finds it
     * done. */
    while (connect(client, (struct sockaddr *)&address, sizeof address) < 0 && errno != EISCONN)
        if (errno != EINTR)
            abort();
    return client;
}

/* Whether the test under way, also a plain one, is the one on the simulated system. */
TEST_HELPER bool is_simulated(void)
{
    return session_self && session_self->sim;
}

/* There a connection takes a moment. */
TEST_HELPER int simulated_connection(int descriptors[2])
{
    struct engine *engine = loop_self->engine;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *any = (struct sockaddr *)&address;
    socklen_t size = sizeof address;
    int listener = engine->call->socket(engine, AF_INET, SOCK_STREAM, 0);
    (void)engine->call->bind(engine, listener, any, size);
    (void)engine->call->listen(engine, listener, 1);
    (void)engine->call->local_address(engine, listener, any, &size);
    descriptors[0] = engine->call->socket(engine, AF_INET, SOCK_STREAM, 0);
    (void)engine->call->connect(engine, descriptors[0], any, size);
    eddy_with_shield (EDDY_FOREVER) {
        int turns = 0;
        do
            descriptors[1] = engine->call->accept(engine, listener, NULL, NULL);
        while (descriptors[1] == -EAGAIN && ++turns < 100 && eddy_sleep(0) == 0);
    }
    (void)engine->call->close(engine, listener);
    if (descriptors[1] < 0)
        (void)engine->call->close(engine, descriptors[0]);
    return descriptors[1];
}

TEST_HELPER int simulated_pair(enum pair_kind kind, int descriptors[2])
{
    struct engine *engine = loop_self->engine;
    switch (kind) {
    case PAIR_UNIX:
        return engine->call->socket_pair(engine, descriptors);
    case PAIR_PIPE:
        return engine->call->pipe(engine, descriptors);
    case PAIR_TCP:
        break;
    }
    return simulated_connection(descriptors);
}

TEST_HELPER void descriptor_pair(enum pair_kind kind, int descriptors[2])
{
    int port, listener, r = 0;
    if (loop_self && loop_self->engine->call->simulated) {
        if (simulated_pair(kind, descriptors) < 0) /* made to fail */
            descriptors[0] = descriptors[1] = -1;
        return;
    }
    switch (kind) {
    case PAIR_UNIX:
        r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, descriptors);
        break;
    case PAIR_PIPE:
        r = pipe2(descriptors, O_CLOEXEC);
        break;
    case PAIR_TCP:
        listener = listening_socket(&port);
        descriptors[0] = connected_socket(port);
        do
            descriptors[1] = r = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        while (r < 0 && errno == EINTR);
        close(listener);
        break;
    }
    if (r < 0)
        abort();
}

/* NULL: on the simulated system it was made to fail. */
TEST_HELPER eddy_stream *stream_of(int descriptor)
{
    eddy_stream *stream;
    if (eddy_stream_from_descriptor(descriptor, &stream) == 0)
        return stream;
    if (!loop_self->engine->call->simulated)
        abort();
    (void)loop_self->engine->call->close(loop_self->engine, descriptor);
    return NULL;
}

struct pair {
    eddy_stream *a, *b;
};

TEST_HELPER struct pair stream_pair(enum pair_kind kind)
{
    int descriptors[2];
    descriptor_pair(kind, descriptors);
    return (struct pair){stream_of(descriptors[0]), stream_of(descriptors[1])};
}

TEST_HELPER void pair_close(struct pair *pair)
{
    eddy_stream_close(pair->a);
    eddy_stream_close(pair->b);
}

TEST_HELPER char pattern(size_t position)
{
    return (char)((position * 2654435761u) >> 16);
}

TEST_HELPER void pattern_fill(char *buffer, size_t size, size_t position)
{
    for (size_t i = 0; i < size; i++)
        buffer[i] = pattern(position + i);
}

TEST_HELPER bool pattern_holds(const char *buffer, size_t size, size_t position)
{
    for (size_t i = 0; i < size; i++)
        if (buffer[i] != pattern(position + i))
            return false;
    return true;
}

TEST_HELPER unsigned random_next(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Writes all of a text. */
struct say {
    eddy_stream *stream;
    const char *text;
    double seconds; /* later */
};

__attribute__((__unused__)) static int say(struct say *a)
{
    int r = a->seconds > 0 ? eddy_sleep(a->seconds) : 0;
    if (r < 0)
        return r;
    ssize_t n = eddy_stream_write(a->stream, a->text, strlen(a->text));
    return n < 0 ? (int)n : 0;
}

/* The same; who can't ends its side, so that nobody waits for it. */
__attribute__((__unused__)) static int say_or_end(struct say *a)
{
    int r = say(a);
    if (r < 0)
        (void)eddy_stream_write_end(a->stream);
    return r;
}

/* Writes `size` bytes of the pattern, in pieces, then ends the writing side. */
struct pour {
    eddy_stream *stream;
    size_t size, piece;
    bool *done;
};

__attribute__((__unused__)) static int pour(struct pour *a)
{
    char *buffer = malloc(a->piece);
    ssize_t n = 0;
    for (size_t position = 0; position < a->size && n >= 0; position += (size_t)n) {
        size_t size = a->size - position < a->piece ? a->size - position : a->piece;
        pattern_fill(buffer, size, position);
        n = eddy_stream_write(a->stream, buffer, size);
        EXPECT(n < 0 || (size_t)n == size);
    }
    free(buffer);
    if (a->done)
        *a->done = true;
    return n < 0 ? (int)n : 0;
}

#endif
