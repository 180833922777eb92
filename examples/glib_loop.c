/* SPDX-License-Identifier: MIT */
/*
 * eddy inside of GLib's main loop, as a program with GTK has it: a source of a few lines, tasks
 * that talk over the network, and GLib's own timers and idle callbacks in between, all on one
 * thread.
 *
 *     g_main_loop_run --> prepare: how long may you wait?     eddy_embed_poll_timeout
 *                     --> poll, with eddy's descriptor        eddy_embed_descriptor
 *                     --> check, dispatch                     eddy_embed_turn
 */
#include <glib.h>
#include <stdio.h>
#include <eddy.h>

/* ---- the source: to be copied ---- */

struct eddy_source {
    GSource source;
    eddy_embed embed;
    gpointer tag; /* of the descriptor */
};

static gboolean source_prepare(GSource *source, gint *timeout)
{
    *timeout = eddy_embed_poll_timeout(&((struct eddy_source *)source)->embed);
    return *timeout == 0;
}

static gboolean source_check(GSource *source)
{
    struct eddy_source *self = (struct eddy_source *)source;
    return g_source_query_unix_fd(source, self->tag) != 0 ||
           eddy_embed_poll_timeout(&self->embed) == 0;
}

static gboolean source_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    (void)callback;
    (void)data;
    return eddy_embed_turn(&((struct eddy_source *)source)->embed) >= 0;
}

static void source_finalize(GSource *source)
{
    struct eddy_source *self = (struct eddy_source *)source;
    if (self->tag) /* else it couldn't be opened */
        (void)eddy_embed_close(&self->embed);
}

/* NULL: see eddy_last_failure(). */
static GSource *eddy_source_new(void)
{
    static GSourceFuncs functions = {.prepare = source_prepare,
                                     .check = source_check,
                                     .dispatch = source_dispatch,
                                     .finalize = source_finalize};
    GSource *source = g_source_new(&functions, sizeof(struct eddy_source));
    struct eddy_source *self = (struct eddy_source *)source;
    if (eddy_embed_open(&self->embed, NULL) < 0) {
        g_source_unref(source);
        return NULL;
    }
    self->tag = g_source_add_unix_fd(source, eddy_embed_descriptor(&self->embed), G_IO_IN);
    return source;
}

/* ---- the program ---- */

static int echo(eddy_stream *stream, void *context)
{
    char line[64];
    (void)context;
    ssize_t n = eddy_stream_read_line(stream, line, sizeof line);
    return n > 0 ? (int)eddy_stream_write(stream, line, (size_t)n) : (int)n;
}

struct talk {
    GMainLoop *loop;
    eddy_event *pressed;
};

static int talk(struct talk *a)
{
    char line[64];
    eddy_server *server;
    eddy_stream *stream;
    int r = eddy_event_wait(a->pressed);
    if (r == 0)
        r = eddy_serve("127.0.0.1", 0, echo, NULL, NULL, &server);
    if (r < 0)
        return r;
    r = eddy_connect("127.0.0.1", eddy_server_port(server), &stream);
    if (r == 0) {
        ssize_t n = eddy_stream_write(stream, "hello from a task\n", 18);
        if (n > 0)
            n = eddy_stream_read_line(stream, line, sizeof line);
        if (n > 0)
            printf("task: %s", line);
        eddy_stream_close(stream);
        r = n < 0 ? (int)n : 0;
    }
    eddy_server_close(server);
    g_main_loop_quit(a->loop); /* a task may call GLib: it is the same thread */
    return r;
}

/* A callback of GLib's, for example of a button. It may do all that a callback of the loop may. */
static gboolean press(gpointer event)
{
    printf("glib: pressed\n");
    eddy_event_set(event);
    return G_SOURCE_REMOVE;
}

int main(void)
{
    GMainLoop *loop = g_main_loop_new(NULL, FALSE);
    GSource *source = eddy_source_new();
    if (!source)
        return 1;
    eddy_event pressed = EDDY_EVENT_INIT;
    g_source_attach(source, NULL);
    g_timeout_add(50, press, &pressed);
    eddy_task *task = eddy_create_task(talk, .loop = loop, .pressed = &pressed);
    g_main_loop_run(loop);
    while (!eddy_task_done(task)) /* it asked to quit a moment before its end */
        g_main_context_iteration(NULL, TRUE);
    int r = eddy_task_result(task);
    eddy_task_release(task);
    printf("the task's result: %d\n", r);
    g_source_destroy(source);
    g_source_unref(source);
    g_main_loop_unref(loop);
    return r < 0;
}
