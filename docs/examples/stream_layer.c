/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <eddy.h>

/* Whatever is read through it arrives in capitals. */
struct capitals {
    eddy_stream *beneath;
};

static ssize_t capitals_read(void *context, void *buffer, size_t size)
{
    const struct capitals *capitals = context;
    ssize_t n = eddy_stream_read(capitals->beneath, buffer, size);
    char *text = buffer;
    for (ssize_t i = 0; i < n; i++)
        text[i] = (char)toupper((unsigned char)text[i]);
    return n;
}

static ssize_t capitals_write(void *context, const void *data, size_t size)
{
    const struct capitals *capitals = context;
    return eddy_stream_write(capitals->beneath, data, size);
}

static void capitals_close(void *context)
{
    const struct capitals *capitals = context;
    eddy_stream_close(capitals->beneath);
}

static const struct eddy_stream_layer capitals_layer = {
    .read = capitals_read,
    .write = capitals_write,
    .close = capitals_close,
    .release = free,
};

static int listen_to(eddy_stream *beneath)
{
    struct capitals *capitals = malloc(sizeof *capitals);
    eddy_stream *stream;
    if (!capitals)
        return -ENOMEM;
    capitals->beneath = beneath;
    int r = eddy_stream_from_layer(&capitals_layer, capitals, &stream);
    if (r < 0) {
        free(capitals);
        return r;
    }
    char line[100];
    ssize_t n;
    while ((n = eddy_stream_read_line(stream, line, sizeof line)) > 0)
        printf("%s", line);
    eddy_stream_close(stream); /* and the one beneath */
    return (int)n;
}

static int program(void)
{
    int ends[2];
    eddy_stream *near, *far;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    int r = eddy_stream_from_descriptor(ends[0], &near);
    if (r < 0)
        return r;
    r = eddy_stream_from_descriptor(ends[1], &far);
    if (r < 0)
        return r;
    const char text[] = "hello\nhow are you?\n";
    ssize_t n = eddy_stream_write(far, text, sizeof text - 1);
    eddy_stream_close(far);
    return n < 0 ? (int)n : listen_to(near);
}

int main(void)
{
    return eddy_run(program) < 0;
}
