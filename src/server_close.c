/* SPDX-License-Identifier: MIT */
/*
 * How servers end:
 *
 *      eddy_server_close:  stop --grace--> handlers cancelled --abort_after--> connections reset
 *
 * A task can't be ended by force, so what comes last waits for them all the same; but no handler is
 * held up by a peer any more. Each step may be had by itself.
 */
#include "server.h"

#include <math.h>
#include <string.h>
#include "group.h"
#include "log.h"
#include "stream.h"

/* ---- waiting for the last connection ---- */

struct server_wait {
    struct wait wait;
    struct eddy_server *server;
};

static bool server_wait_abort(struct wait *wait)
{
    struct server_wait *waiting = container_of(wait, struct server_wait, wait);
    list_remove(&waiting->server->waiters, &wait->link);
    return true;
}

void server_tell_end(struct eddy_server *server)
{
    struct link *waiter;
    if (server->count)
        return;
    timer_cancel(&server->loop->timers, &server->patience);
    while (server->stopped && (waiter = list_take_first(&server->waiters)))
        wait_finish(container_of(waiter, struct wait, link), 0);
}

/* Until it has stopped and no connection is left: 0 or -ECANCELED. */
static int server_wait_end(struct eddy_server *server, bool shielded)
{
    static const char *const what = "the end of a server's handlers";
    struct server_wait waiting = {.server = server};
    if (server->stopped && !server->count)
        return 0;
    int r = shielded ? wait_begin_shielded(&waiting.wait, what)
                     : wait_begin(&waiting.wait, what, server_wait_abort);
    if (r < 0)
        return r;
    list_append(&server->waiters, &waiting.wait.link);
    return wait_park(&waiting.wait);
}

/* ---- clients ---- */

static void close_clients(struct eddy_server *server)
{
    for (struct link *link = server->connections.first; link; link = link->next)
        task_cancel(container_of(link, struct connection, link)->task);
}

static void abort_clients(struct eddy_server *server)
{
    for (struct link *link = server->connections.first; link; link = link->next)
        stream_abort(container_of(link, struct connection, link)->stream);
    close_clients(server);
}

/* ---- the end in its steps ---- */

static void patience_over(struct timer *timer)
{
    struct eddy_server *server = container_of(timer, struct eddy_server, patience);
    log_say(server->loop, EDDY_LOG_WARNING, EDDY_LOG_NOTE,
            "the server on %s resets %zu connections: their handlers didn't end within %g s",
            server_name(server), server->count, server->options.abort_after);
    abort_clients(server);
}

static void set_patience(struct eddy_server *server, void (*fire)(struct timer *), double seconds)
{
    server->patience.fire = fire;
    timer_set(&server->loop->timers, &server->patience, loop_deadline(server->loop, seconds));
}

static void grace_over(struct timer *timer)
{
    struct eddy_server *server = container_of(timer, struct eddy_server, patience);
    close_clients(server);
    if (isfinite(server->options.abort_after))
        set_patience(server, patience_over, server->options.abort_after);
}

static void server_end(struct eddy_server *server)
{
    server_stop(server);
    if (!server->ending && server->count) {
        if (server->options.grace > 0)
            set_patience(server, grace_over, server->options.grace);
        else
            grace_over(&server->patience);
    }
    server->ending = true;
    server_tell_end(server);
}

/* ---- public ---- */

int server_check(const struct eddy_server *server, const char *call)
{
    if (!server)
        return log_misuse(-EINVAL, call, "the server is NULL");
    if (!loop_self) /* the handle is dead: not to be looked at */
        return log_misuse(-EINVAL, call, "called outside a loop: a server ends with its loop");
    if (server->loop != loop_self)
        return log_misuse(-EINVAL, call, "the server belongs to another loop");
    return 0;
}

/* Also that it isn't one of its own handlers that would wait. */
static int check_waiter(const struct eddy_server *server, const char *call)
{
    int r = server_check(server, call);
    if (r < 0)
        return r;
    if (task_current() && server_has_handler(server, task_current()))
        return log_misuse(-EDEADLK, call, "a handler of the server would wait for itself");
    return 0;
}

/* Closing isn't cut short by a cancel: so neither can a child of a handler's group wait for that,
 * which the handler has to wait for. */
static int check_closer(const struct eddy_server *server)
{
    const char *call = "eddy_server_close";
    int r = check_waiter(server, call);
    const struct group *group = r == 0 && task_current() ? task_current()->group : NULL;
    for (; group && group->scope.task; group = group->scope.task->group)
        if (server_has_handler(server, group->scope.task))
            return log_misuse(-EDEADLK, call,
                              "a handler of the server, who waits for this task, would wait for "
                              "itself");
    return r;
}

int eddy_server_stop(eddy_server *server)
{
    int r = server_check(server, "eddy_server_stop");
    if (r < 0)
        return r;
    server_stop(server);
    server_tell_end(server);
    return 0;
}

static int wait_closed(eddy_server *server, bool stop, const char *call)
{
    int r = task_current() ? check_waiter(server, call) : task_missing(call);
    if (r < 0)
        return r;
    server->references++;
    if (stop) {
        server_stop(server);
        server_tell_end(server);
    }
    r = server_wait_end(server, false);
    server_release(server);
    return r;
}

int eddy_server_wait_closed(eddy_server *server)
{
    return wait_closed(server, false, "eddy_server_wait_closed");
}

int eddy_server_drain(eddy_server *server)
{
    return wait_closed(server, true, "eddy_server_drain");
}

int eddy_server_close_clients(eddy_server *server)
{
    int r = server_check(server, "eddy_server_close_clients");
    if (r == 0)
        close_clients(server);
    return r;
}

int eddy_server_abort_clients(eddy_server *server)
{
    int r = server_check(server, "eddy_server_abort_clients");
    if (r == 0)
        abort_clients(server);
    return r;
}

int eddy_server_serve_forever(eddy_server *server)
{
    int r = check_waiter(server, "eddy_server_serve_forever");
    if (r < 0)
        return r;
    if (!task_current())
        return task_missing("eddy_server_serve_forever");
    if (server->forever)
        return eddy_fail(-EBUSY, "eddy_server_serve_forever: another task does that");
    server->forever = true;
    server->references++;
    r = server_wait_end(server, false);
    if (r < 0) {
        server_end(server);
        (void)server_wait_end(server, true);
    }
    server->forever = false;
    server_release(server);
    return r;
}

void eddy_server_close(eddy_server *server)
{
    if (!server || check_closer(server) < 0)
        return;
    server->references++;
    server_end(server);
    if (task_current())
        (void)server_wait_end(server, true);
    server_disown(server);
    server_release(server);
}
