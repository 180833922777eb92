/* SPDX-License-Identifier: MIT */
/*
 * Connections: how one is made, and how it ends.
 *
 *      connect --delay--> somebody listens, and has room --> both ends are connected
 *                         nobody listens, or by chance   --> -ECONNREFUSED
 *                         no room, or a black hole       --> tried again after 1, 3, 7, ... seconds,
 *                                                            as TCP does; after 127 s -ETIMEDOUT
 *                         the link is cut                --> waits for that to end, as long as that
 */
#include <errno.h>
#include <stdlib.h>
#include "blocking.h"
#include "test/sim_socket.h"

/* Linux's net.ipv4.tcp_syn_retries is 6: one second, doubled each time. */
#define CONNECT_SECONDS 127

/* ---- life ---- */

static void connection_free(struct sim_connection *connection)
{
    sim_way_clear(&connection->ways[0]);
    sim_way_clear(&connection->ways[1]);
    sim_timer_cancel(connection->engine->sim, &connection->timer);
    list_remove(&connection->host->connections, &connection->link);
    free(connection);
}

static void attach(struct sim_connection *connection, unsigned side, struct sim_socket *socket)
{
    connection->ends[side] = socket;
    socket->connection = connection;
    socket->side = side;
}

static struct sim_socket *detach(struct sim_connection *connection, unsigned side)
{
    struct sim_socket *socket = connection->ends[side];
    connection->ends[side] = NULL;
    if (socket)
        socket->connection = NULL;
    return socket;
}

bool sim_connection_is_made(const struct sim_connection *connection)
{
    const struct sim_socket *any = connection->ends[connection->ends[0] ? 0 : 1];
    return any->state == SOCKET_CONNECTED;
}

/* ---- being made ---- */

static int64_t give_up_at(const struct sim_connection *connection)
{
    return time_add(connection->began, (int64_t)CONNECT_SECONDS * NANOSECONDS);
}

/* The next attempt sets out at `at`. */
static void attempt_later(struct sim_connection *connection, int64_t at)
{
    struct sim *sim = connection->engine->sim;
    const struct eddy_sim_link *link = &connection->host->treatment;
    int64_t end = give_up_at(connection);
    if (at < end)
        at = time_add(at, choose_delay(&sim->choices, link->delay_min, link->delay_max));
    sim_timer_set(sim, &connection->timer, at < end ? at : end);
}

static void attempt_again(struct sim_connection *connection)
{
    int64_t seconds = (INT64_C(1) << ++connection->attempts) - 1;
    attempt_later(connection, time_add(connection->began, seconds * NANOSECONDS));
}

static void attempt_fail(struct sim_connection *connection, int error)
{
    sim_note(connection->engine->sim, SIM_EVENT_CONNECT, connection->number << 8 | (uint8_t)error);
    struct sim_socket *socket = detach(connection, 0);
    connection_free(connection);
    sim_socket_fail(socket, error);
}

/* The socket that will be accepted; false without memory for it. */
static bool attempt_succeed(struct sim_connection *connection, struct sim_socket *listener)
{
    struct sim_socket *client = connection->ends[0];
    struct sim_socket *made = sim_socket_create(connection->engine, client->family);
    if (!made)
        return false;
    sim_note(connection->engine->sim, SIM_EVENT_CONNECT, connection->number << 8);
    attach(connection, 1, made);
    made->local = client->peer;
    made->peer = client->local;
    sim_port_file(connection->engine->sim->network, made);
    client->state = made->state = SOCKET_CONNECTED;
    sim_socket_offer(listener, made);
    sim_socket_edge(client);
    return true;
}

static void attempt(struct sim_connection *connection)
{
    struct sim *sim = connection->engine->sim;
    const struct eddy_sim_link *link = &connection->host->treatment;
    if (loop_now(sim->loop) >= give_up_at(connection)) {
        attempt_fail(connection, -ETIMEDOUT);
    } else if (link->cut) {
        connection->held = true;
        sim_timer_set(sim, &connection->timer, give_up_at(connection));
    } else if (link->black_hole) {
        attempt_again(connection);
    } else {
        struct sim_socket *listener = sim_port_listener(sim->network, &connection->ends[0]->peer);
        if (!listener || choose_chance(&sim->choices, link->refuse))
            attempt_fail(connection, -ECONNREFUSED);
        else if (listener->queued > listener->backlog || !attempt_succeed(connection, listener))
            attempt_again(connection);
    }
}

static void attempt_due(struct timer *timer)
{
    struct sim_connection *connection = container_of(timer, struct sim_connection, timer);
    struct sim_engine *engine = connection->engine;
    sim_timer_fired(engine->sim);
    attempt(connection);
    (void)sim_tell_edges(engine);
}

/* From this socket; NULL without memory. */
static struct sim_connection *connection_create(struct sim_socket *socket, const struct address *to)
{
    struct sim_engine *engine = socket->engine;
    struct sim_host *host = sim_host_get(engine->sim->network, to);
    struct sim_connection *connection = host ? calloc(1, sizeof *connection) : NULL;
    if (!connection)
        return NULL;
    connection->engine = engine;
    connection->host = host;
    connection->number = engine->sim->sequence++;
    connection->began = loop_now(engine->loop);
    sim_way_init(&connection->ways[0], connection);
    sim_way_init(&connection->ways[1], connection);
    timer_init(&connection->timer, attempt_due);
    list_append(&host->connections, &connection->link);
    attach(connection, 0, socket);
    return connection;
}

int sim_connection_begin(struct sim_socket *socket)
{
    struct sim_connection *connection = connection_create(socket, &socket->peer);
    if (!connection)
        return -ENOMEM;
    socket->state = SOCKET_CONNECTING;
    attempt_later(connection, connection->began);
    return 0;
}

int sim_connection_join(struct sim_socket *one, struct sim_socket *other)
{
    struct address family = {.any.sa_family = (sa_family_t)one->family};
    struct sim_connection *connection = connection_create(one, &family);
    if (!connection)
        return -ENOMEM;
    connection->local = true;
    attach(connection, 1, other);
    one->state = other->state = SOCKET_CONNECTED;
    one->connect_told = other->connect_told = true;
    sim_socket_edge(one);
    sim_socket_edge(other);
    return 0;
}

void sim_connection_reconsider(struct sim_connection *connection)
{
    struct sim *sim = connection->engine->sim;
    if (connection->held && !connection->host->treatment.cut) {
        connection->held = false;
        sim_timer_cancel(sim, &connection->timer);
        sim_timer_set(sim, &connection->timer, loop_now(sim->loop));
    }
    sim_way_reconsider(&connection->ways[0]);
    sim_way_reconsider(&connection->ways[1]);
}

/* ---- ending ---- */

void sim_connection_break(struct sim_connection *connection)
{
    struct sim_socket *ends[2] = {detach(connection, 0), detach(connection, 1)};
    connection_free(connection);
    for (int i = 0; i < 2; i++)
        if (ends[i]) /* of TCP: whose peer had ended is told of a broken pipe */
            sim_socket_fail(ends[i], ends[i]->read_ended && !sim_socket_is_local(ends[i])
                                         ? -EPIPE
                                         : -ECONNRESET);
}

void sim_connection_leave(struct sim_connection *connection, unsigned side, bool reset)
{
    if (connection->local) {
        sim_connection_stop_reading(connection, side);
        reset = reset || connection->ways[!side].used; /* nobody will read it */
    }
    if (sim_socket_is_pipe(connection->ends[side]))
        reset = false;
    (void)detach(connection, side);
    if (!connection->ends[!side])
        connection_free(connection);
    else if (reset)
        sim_way_reset(&connection->ways[side]);
    else
        sim_way_end(&connection->ways[side]);
}

void sim_connection_stop_reading(struct sim_connection *connection, unsigned side)
{
    struct sim_socket *writer = connection->ends[!side];
    if (!connection->local || !writer)
        return;
    writer->write_shut = true;
    sim_socket_edge(writer);
}

void sim_connection_lose_listener(struct sim_connection *connection)
{
    struct sim_socket *socket = detach(connection, 1);
    if (!connection->ends[0])
        connection_free(connection);
    if (socket)
        sim_socket_fail(socket, -ECONNRESET);
}
