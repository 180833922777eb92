/* SPDX-License-Identifier: MIT */

#include "photo_server.h"

#include <eddy.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

/* A body goes out in so many pieces, evenly over the pace. */
#define PIECES 40
#define PATH_SIZE 256

struct photo_server {
    const struct photos *photos;
    double pace;
    int port;
    int code; /* why it could not start */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t started;
    bool is_started;
    eddy_loop *loop;
    eddy_event stop;
};

/* ---- one connection ---- */

/* Reads a request up to its empty line. 1, 0 at the end of the connection, or an error. */
static ssize_t read_request(eddy_stream *stream, char path[PATH_SIZE])
{
    char line[2048];
    ssize_t r = eddy_stream_read_line(stream, line, sizeof line);
    if (r <= 0)
        return r;
    if (sscanf(line, "GET %255s HTTP/1.1", path) != 1)
        return -EBADMSG;
    while ((r = eddy_stream_read_line(stream, line, sizeof line)) > 0)
        if (strcmp(line, "\r\n") == 0 || strcmp(line, "\n") == 0)
            return 1;
    return r < 0 ? r : -EBADMSG;
}

/* The photograph of a path and how many of its bytes to send; NULL if there is none. */
static const struct photo *find_photo(const struct photos *photos, const char *path, size_t *size)
{
    unsigned number = 0;
    bool cut = sscanf(path, "/truncated/%u.jpg", &number) == 1;
    if (!cut && sscanf(path, "/photo/%u.jpg", &number) != 1)
        return NULL;
    if (number < 1 || number > photos->count)
        return NULL;
    const struct photo *photo = &photos->each[number - 1];
    *size = cut ? photo->size / 2 : photo->size;
    return photo;
}

static ssize_t send_paced(eddy_stream *stream, const unsigned char *bytes, size_t size, double pace)
{
    double start = eddy_time();
    size_t sent = 0;
    for (int piece = 1; piece <= PIECES; piece++) {
        ssize_t r = eddy_sleep(start + pace * piece / PIECES - eddy_time());
        if (r < 0)
            return r;
        size_t end = size * (size_t)piece / PIECES;
        r = eddy_stream_write(stream, bytes + sent, end - sent);
        if (r < 0)
            return r;
        sent = end;
    }
    return 0;
}

static int serve_photos(eddy_stream *stream, void *context)
{
    const struct photo_server *server = context;
    char path[PATH_SIZE], head[256];
    ssize_t r;
    while ((r = read_request(stream, path)) > 0) {
        size_t size = 0;
        const struct photo *photo = find_photo(server->photos, path, &size);
        int length = snprintf(
            head, sizeof head,
            "HTTP/1.1 %s\r\nContent-Type: image/jpeg\r\nContent-Length: %zu\r\n\r\n",
            photo ? "200 OK" : "404 Not Found", size);
        r = eddy_stream_write(stream, head, (size_t)length);
        if (r >= 0 && photo)
            r = send_paced(stream, photo->bytes, size, server->pace);
        if (r < 0)
            break;
    }
    /* A client that hangs up is its own business. */
    return r == -EPIPE || r == -ECONNRESET ? 0 : (int)r;
}

/* ---- the thread ---- */

static void tell_started(struct photo_server *server, int code)
{
    pthread_mutex_lock(&server->mutex);
    server->code = code;
    server->is_started = true;
    pthread_cond_signal(&server->started);
    pthread_mutex_unlock(&server->mutex);
}

struct run_server {
    struct photo_server *server;
};

static int run_server(struct run_server *a)
{
    struct photo_server *server = a->server;
    eddy_server *listening;
    int r = eddy_serve("127.0.0.1", server->port, serve_photos, server, NULL, &listening);
    if (r < 0) {
        tell_started(server, r);
        return r;
    }
    server->port = eddy_server_port(listening);
    server->loop = eddy_current_loop();
    tell_started(server, 0);
    r = eddy_event_wait(&server->stop);
    eddy_server_close(listening);
    return r;
}

static void *server_thread(void *argument)
{
    struct photo_server *server = argument;
    const struct eddy_options options = {.quiet = true};
    int r = eddy_run_with(&options, run_server, .server = server);
    if (r < 0)
        tell_started(server, r);
    return NULL;
}

static void set_stop(void *event)
{
    eddy_event_set(event);
}

int photo_server_start(const struct photos *photos, double pace, int port,
                       struct photo_server **ret_server, char *message, size_t message_size)
{
    struct photo_server *server = calloc(1, sizeof *server);
    if (!server)
        return fail_with(-ENOMEM, message, message_size, "no memory for the photo server");
    server->photos = photos;
    server->pace = pace;
    server->port = port;
    pthread_mutex_init(&server->mutex, NULL);
    pthread_cond_init(&server->started, NULL);
    int r = -pthread_create(&server->thread, NULL, server_thread, server);
    if (r == 0) {
        pthread_mutex_lock(&server->mutex);
        while (!server->is_started)
            pthread_cond_wait(&server->started, &server->mutex);
        r = server->code;
        pthread_mutex_unlock(&server->mutex);
        if (r < 0)
            pthread_join(server->thread, NULL);
    }
    if (r < 0) {
        free(server);
        return fail_with(r, message, message_size, "the photo server can't listen on port %d: %s",
                         port, strerror(-r));
    }
    *ret_server = server;
    return 0;
}

int photo_server_port(const struct photo_server *server)
{
    return server->port;
}

void photo_server_stop(struct photo_server *server)
{
    if (!server)
        return;
    if (eddy_call_soon_threadsafe(server->loop, set_stop, &server->stop) == 0)
        pthread_join(server->thread, NULL);
    pthread_cond_destroy(&server->started);
    pthread_mutex_destroy(&server->mutex);
    free(server);
}
