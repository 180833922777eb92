/* SPDX-License-Identifier: MIT */
/*
 * Reading up to a separator, and lines.
 *
 * Of several separators the one whose occurrence ends first wins. What was searched isn't searched
 * again, but for the last bytes, where one may have begun.
 */
#include <string.h>
#include "log.h"
#include "stream.h"

struct search {
    const struct eddy_separator *separators;
    size_t count;
    size_t longest; /* of the separators */
    size_t limit;   /* bytes before the separator */
    size_t size;    /* bytes with the separator */
};

struct match {
    size_t begin, end; /* end 0: none */
};

static struct match find(const struct search *search, const char *data, size_t searched,
                         size_t size)
{
    struct match match = {.end = 0};
    for (size_t i = 0; i < search->count; i++) {
        const struct eddy_separator *one = &search->separators[i];
        size_t from = searched < one->size ? 0 : searched - (one->size - 1);
        size_t until = match.end ? match.end - 1 : size;
        if (from + one->size > until)
            continue;
        const char *at = one->size == 1
                             ? memchr(data + from, *(const char *)one->bytes, until - from)
                             : memmem(data + from, until - from, one->bytes, one->size);
        if (at)
            match = (struct match){(size_t)(at - data), (size_t)(at - data) + one->size};
    }
    return match;
}

static bool is_too_long(const struct search *search, struct match match, size_t size)
{
    if (match.end)
        return match.begin > search->limit || match.end > search->size;
    return size >= search->size || size + 1 > search->limit + search->longest;
}

/* With nothing left over the caller's memory serves as the buffer. The length up to the separator;
 * 0 if it isn't there (then all bytes are left over), or the stream has ended, which *ended
 * tells. */
static ssize_t receive_directly(struct eddy_stream *stream, const struct search *search,
                                char *buffer, bool *ended)
{
    size_t most = search->limit < search->size - search->longest ? search->limit + search->longest
                                                                 : search->size;
    ssize_t n = stream_receive(stream, buffer, most);
    *ended = n == 0;
    if (n <= 0)
        return n;
    struct match match = find(search, buffer, 0, (size_t)n);
    if (is_too_long(search, match, match.end))
        match.end = 0;
    int r = stream_leftover_keep(stream, buffer + match.end, (size_t)n - match.end);
    return r < 0 ? r : (ssize_t)match.end;
}

/* The length with the separator; without one at the end, which *ended tells. */
static ssize_t read_until(struct eddy_stream *stream, const struct search *search, char *buffer,
                          bool *ended)
{
    size_t searched = 0;
    int r = stream_step(stream);
    if (r < 0)
        return r;
    for (;;) {
        size_t size = stream_leftover(stream);
        if (!size) {
            ssize_t length = receive_directly(stream, search, buffer, ended);
            if (length != 0 || *ended)
                return length;
            continue;
        }
        struct match match = find(search, stream->buffer + stream->begin, searched, size);
        if (is_too_long(search, match, size))
            return eddy_fail(-EMSGSIZE, "no separator within %zu bytes, which stay unread",
                             search->limit < search->size ? search->limit : search->size);
        if (match.end)
            return (ssize_t)stream_leftover_take(stream, buffer, match.end);
        searched = size;
        ssize_t n = stream_receive_more(stream);
        if (n < 0)
            return n;
        if (n == 0) {
            *ended = true;
            return (ssize_t)stream_leftover_take(stream, buffer, size);
        }
    }
}

/* ---- public ---- */

/* 0, and the length of the longest one. */
static int check_separators(const char *call, const struct eddy_separator *separators, size_t count,
                            size_t size, size_t *ret_longest)
{
    size_t longest = 0;
    if (!separators || !count)
        return log_misuse(-EINVAL, call, "no separators");
    for (size_t i = 0; i < count; i++) {
        if (!separators[i].bytes || !separators[i].size)
            return log_misuse(-EINVAL, call, "separator %zu is empty", i);
        if (separators[i].size > longest)
            longest = separators[i].size;
    }
    if (longest > size)
        return log_misuse(-EINVAL, call, "a separator of %zu bytes for a buffer of %zu", longest,
                          size);
    *ret_longest = longest;
    return 0;
}

ssize_t eddy_stream_read_until(eddy_stream *stream, void *buffer, size_t size,
                               const struct eddy_separator *separators, size_t count)
{
    const char *call = "eddy_stream_read_until";
    int r = stream_enter(stream, STREAM_READ, call);
    if (r < 0)
        return r;
    struct search search = {
        .separators = separators, .count = count, .limit = stream->limit, .size = size};
    ssize_t n = stream_check_memory(call, buffer, size);
    if (n == 0)
        n = check_separators(call, separators, count, size, &search.longest);
    if (n == 0) {
        bool ended = false;
        n = read_until(stream, &search, buffer, &ended);
        if (ended && n > 0) {
            stream->partial[STREAM_READ] = (size_t)n;
            n = eddy_fail(-ENODATA, "the stream ended after %zd bytes without a separator", n);
        }
    }
    stream_leave(stream, STREAM_READ);
    return n;
}

ssize_t eddy_stream_read_line(eddy_stream *stream, char *buffer, size_t size)
{
    const char *call = "eddy_stream_read_line";
    static const struct eddy_separator newline = {"\n", 1};
    int r = stream_enter(stream, STREAM_READ, call);
    if (r < 0)
        return r;
    ssize_t n = stream_check_memory(call, buffer, size);
    if (n == 0 && size < 2)
        n = log_misuse(-EINVAL, call, "no room for a line in %zu bytes", size);
    if (n == 0) {
        const struct search search = {.separators = &newline,
                                      .count = 1,
                                      .longest = 1,
                                      .limit = stream->limit,
                                      .size = size - 1};
        bool ended = false;
        n = read_until(stream, &search, buffer, &ended);
        if (n == -EMSGSIZE)
            n = eddy_fail(-EMSGSIZE, "a line of more than %zu bytes, which stay unread",
                          search.limit < search.size ? search.limit : search.size);
        if (n >= 0)
            buffer[n] = '\0';
    }
    stream_leave(stream, STREAM_READ);
    return n;
}
