/* SPDX-License-Identifier: MIT */
/*
 * A stream of no descriptor, for tests on any engine: a layer with nothing beneath, which gives a
 * text drop by drop and remembers what was written.
 */
#ifndef EDDY_TESTS_STREAM_DRIP_H
#define EDDY_TESTS_STREAM_DRIP_H

#include "support/test.h"

struct drip {
    const char *text;
    size_t size, drop;
    double seconds; /* between two drops */
    int read_error, write_error;
    ssize_t lie; /* what read and write return, if not 0 */
    char written[64];
    size_t written_size;
    bool ended, closed;
    int *released;
    eddy_event closing;
};

static ssize_t drip_read(void *context, void *buffer, size_t size)
{
    struct drip *drip = context;
    if (drip->lie)
        return drip->lie;
    if (drip->read_error)
        return eddy_fail(drip->read_error, "the drip is broken");
    int r = drip->seconds > 0 ? eddy_wait_for(eddy_event_wait(&drip->closing), drip->seconds) : 0;
    if (drip->closed)
        return eddy_fail(-ECONNABORTED, "the drip was closed");
    if (r < 0 && r != -ETIMEDOUT)
        return r;
    if (size > drip->drop)
        size = drip->drop;
    if (size > drip->size)
        size = drip->size;
    memcpy(buffer, drip->text, size);
    drip->text += size;
    drip->size -= size;
    return (ssize_t)size;
}

static ssize_t drip_write(void *context, const void *data, size_t size)
{
    struct drip *drip = context;
    if (drip->lie)
        return drip->lie;
    if (drip->write_error)
        return eddy_fail(drip->write_error, "the drip is full");
    if (drip->drop && size > drip->drop)
        size = drip->drop;
    if (size > sizeof(drip->written) - drip->written_size)
        return eddy_fail(-EMSGSIZE, "the drip is small");
    memcpy(drip->written + drip->written_size, data, size);
    drip->written_size += size;
    return (ssize_t)size;
}

static int drip_write_end(void *context)
{
    ((struct drip *)context)->ended = true;
    return 0;
}

static void drip_close(void *context)
{
    struct drip *drip = context;
    drip->closed = true;
    eddy_event_set(&drip->closing);
}

static void drip_release(void *context)
{
    struct drip *drip = context;
    EXPECT(drip->closed);
    if (drip->released)
        ++*drip->released;
}

static const struct eddy_stream_layer drip_layer = {
    .read = drip_read,
    .write = drip_write,
    .write_end = drip_write_end,
    .close = drip_close,
    .release = drip_release,
};

TEST_HELPER eddy_stream *drip_stream(struct drip *drip)
{
    eddy_stream *stream = NULL;
    if (!drip->size)
        drip->size = drip->text ? strlen(drip->text) : 0;
    drip->closing = (eddy_event)EDDY_EVENT_INIT;
    EXPECT_INT(eddy_stream_from_layer(&drip_layer, drip, &stream), 0);
    return stream;
}

#endif
