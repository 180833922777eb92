/* SPDX-License-Identifier: MIT */
/*
 * Ways: pieces of data, ends and resets travelling from one end of a connection to the other.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "blocking.h"
#include "test/sim_socket.h"

#define BUFFER_DEFAULT 65536

/* On a link of limited bandwidth data comes in pieces of this size: an Ethernet segment's. */
#define SEGMENT 1448

static const struct eddy_sim_link *link_of(const struct sim_way *way)
{
    return &way->connection->host->treatment;
}

/* ---- pieces ---- */

static char *piece_data(struct sim_piece *piece)
{
    return (char *)(piece + 1);
}

static void pieces_append(struct sim_pieces *pieces, struct sim_piece *piece)
{
    piece->next = NULL;
    if (pieces->last)
        pieces->last->next = piece;
    else
        pieces->first = piece;
    pieces->last = piece;
    pieces->size += piece->end - piece->begin;
}

static struct sim_piece *pieces_take_first(struct sim_pieces *pieces)
{
    struct sim_piece *piece = pieces->first;
    pieces->first = piece->next;
    if (!pieces->first)
        pieces->last = NULL;
    pieces->size -= piece->end - piece->begin;
    return piece;
}

static void piece_free(struct sim_piece *piece)
{
    sim_rights_drop(piece->rights);
    free(piece);
}

size_t sim_pieces_extent(const struct sim_pieces *pieces, size_t size)
{
    size_t extent = 0;
    for (const struct sim_piece *piece = pieces->first; piece && extent < size;
         piece = piece->next) {
        extent += piece->end - piece->begin;
        if (piece->rights)
            break;
    }
    return extent < size ? extent : size;
}

void sim_pieces_take(struct sim_pieces *pieces, void *buffer, size_t size,
                     struct sim_rights **ret_rights)
{
    size_t taken = 0;
    while (taken < size) {
        struct sim_piece *piece = pieces->first;
        size_t part = piece->end - piece->begin;
        if (part > size - taken)
            part = size - taken;
        if (piece->rights && ret_rights)
            *ret_rights = piece->rights;
        else
            sim_rights_drop(piece->rights);
        piece->rights = NULL;
        memcpy((char *)buffer + taken, piece_data(piece) + piece->begin, part);
        piece->begin += part;
        pieces->size -= part;
        taken += part;
        if (piece->begin == piece->end)
            piece_free(pieces_take_first(pieces));
    }
}

void sim_pieces_look(const struct sim_pieces *pieces, void *buffer, size_t size)
{
    size_t seen = 0;
    for (struct sim_piece *piece = pieces->first; seen < size; piece = piece->next) {
        size_t part = piece->end - piece->begin;
        if (part > size - seen)
            part = size - seen;
        memcpy((char *)buffer + seen, piece_data(piece) + piece->begin, part);
        seen += part;
    }
}

void sim_pieces_free(struct sim_pieces *pieces)
{
    while (pieces->first) {
        struct sim_piece *piece = pieces_take_first(pieces);
        if (piece->kind == PIECE_DATA)
            piece_free(piece);
    }
}

/* ---- arriving ---- */

static struct sim_socket *receiver_of(const struct sim_way *way)
{
    struct sim_connection *connection = way->connection;
    return connection->ends[way == &connection->ways[0] ? 1 : 0];
}

static struct sim_way *way_back(struct sim_way *way)
{
    struct sim_connection *connection = way->connection;
    return &connection->ways[way == &connection->ways[0] ? 1 : 0];
}

/* The sender, if it waits for room and there is some. */
static void feed_sender(struct sim_way *way)
{
    struct sim_connection *connection = way->connection;
    struct sim_socket *sender = connection->ends[way == &connection->ways[0] ? 0 : 1];
    if (!way->starved || !sim_way_is_writable(way))
        return;
    way->starved = false;
    if (sender)
        sim_socket_edge(sender);
}

void sim_way_received(struct sim_way *way, size_t size)
{
    way->used -= size;
    feed_sender(way);
}

static void data_arrives(struct sim_way *way, struct sim_piece *piece)
{
    struct sim_socket *receiver = receiver_of(way);
    if (receiver) {
        pieces_append(&receiver->received, piece);
        sim_socket_edge(receiver);
        return;
    }
    piece_free(piece);
    if (!way->connection->local)
        sim_way_reset(way_back(way)); /* nobody is there any more */
}

static void end_arrives(struct sim_way *way)
{
    struct sim_socket *receiver = receiver_of(way);
    if (receiver) {
        receiver->read_ended = true;
        sim_socket_edge(receiver);
    }
}

/* False: the connection is no more. */
static bool piece_arrives(struct sim_way *way, struct sim_piece *piece)
{
    struct sim *sim = way->connection->engine->sim;
    uint64_t number = way->connection->number << 1 | (way == &way->connection->ways[1]);
    if (piece->kind == PIECE_DATA) {
        sim_note(sim, SIM_EVENT_DATA, number);
        sim_note(sim, SIM_EVENT_DATA, piece->end - piece->begin);
        data_arrives(way, piece);
        return true;
    }
    sim_note(sim, SIM_EVENT_END, number << 1 | (piece->kind == PIECE_RESET));
    if (piece->kind == PIECE_RESET) {
        sim_connection_break(way->connection);
        return false;
    }
    end_arrives(way);
    return true;
}

static void deliver(struct sim_way *way)
{
    struct sim *sim = way->connection->engine->sim;
    if (link_of(way)->cut) {
        way->held = true;
        return;
    }
    int64_t now = loop_now(sim->loop);
    while (way->pieces.first && way->pieces.first->due <= now)
        if (!piece_arrives(way, pieces_take_first(&way->pieces)))
            return;
    if (way->pieces.first && !timer_is_set(&way->timer))
        sim_timer_set(sim, &way->timer, way->pieces.first->due);
}

static void way_due(struct timer *timer)
{
    struct sim_way *way = container_of(timer, struct sim_way, timer);
    struct sim_engine *engine = way->connection->engine;
    sim_timer_fired(engine->sim);
    deliver(way);
    (void)sim_tell_edges(engine);
}

void sim_way_reconsider(struct sim_way *way)
{
    struct sim *sim = way->connection->engine->sim;
    if (way->held && !link_of(way)->cut) {
        way->held = false;
        sim_timer_set(sim, &way->timer, way->pieces.first->due);
    }
    feed_sender(way);
}

/* ---- setting out ---- */

/* A reset, which ends the connection, is none that a sender could bear. */
static bool is_there_at_once(const struct sim_way *way, const struct sim_piece *piece)
{
    return way->connection->local && piece->kind != PIECE_RESET && !way->pieces.first &&
           !link_of(way)->cut && piece->due <= loop_now(way->connection->engine->sim->loop);
}

static void way_put(struct sim_way *way, struct sim_piece *piece, size_t size)
{
    const struct eddy_sim_link *link = link_of(way);
    struct sim *sim = way->connection->engine->sim;
    int64_t out = loop_now(sim->loop);
    if (way->free_at > out)
        out = way->free_at;
    if (link->bandwidth > 0)
        out = time_add(out, seconds_to_nanoseconds((double)size / link->bandwidth));
    way->free_at = out;
    piece->due = time_add(out, choose_delay(&sim->choices, link->delay_min, link->delay_max));
    if (is_there_at_once(way, piece)) {
        (void)piece_arrives(way, piece);
        return;
    }
    pieces_append(&way->pieces, piece);
    if (way->pieces.first == piece)
        sim_timer_set(sim, &way->timer, piece->due);
}

void sim_way_end(struct sim_way *way)
{
    if (way->ended || way->broken)
        return;
    way->ended = true;
    way->end = (struct sim_piece){.kind = PIECE_END};
    way_put(way, &way->end, 0);
}

void sim_way_reset(struct sim_way *way)
{
    if (way->broken)
        return;
    way->broken = true;
    way->reset = (struct sim_piece){.kind = PIECE_RESET};
    way_put(way, &way->reset, 0);
}

static size_t buffer_of(const struct sim_way *way)
{
    size_t buffer = link_of(way)->buffer;
    return buffer ? buffer : BUFFER_DEFAULT;
}

size_t sim_way_room(const struct sim_way *way)
{
    size_t buffer = buffer_of(way);
    return way->used < buffer ? buffer - way->used : 0;
}

bool sim_way_will_hold(const struct sim_way *way, size_t size)
{
    return size <= buffer_of(way) / 3;
}

bool sim_way_is_writable(const struct sim_way *way)
{
    size_t buffer = buffer_of(way);
    return way->used <= buffer / 3 * 2 + buffer % 3 * 2 / 3;
}

static bool send_piece(struct sim_way *way, const char *data, size_t size)
{
    struct sim_piece *piece = malloc(sizeof *piece + size);
    if (!piece)
        return false;
    *piece = (struct sim_piece){.kind = PIECE_DATA, .end = size, .rights = way->rights};
    way->rights = NULL;
    memcpy(piece_data(piece), data, size);
    way->used += size;
    way_put(way, piece, size);
    return true;
}

ssize_t sim_way_send(struct sim_way *way, const void *data, size_t size)
{
    const struct eddy_sim_link *link = link_of(way);
    if (!way->broken && choose_chance(&way->connection->engine->sim->choices, link->reset))
        sim_way_reset(way);
    if (way->broken) /* on its way: whatever comes behind is lost */
        return (ssize_t)size;
    size_t segment = link->bandwidth > 0 ? SEGMENT : size, sent = 0;
    while (sent < size) {
        size_t part = size - sent < segment ? size - sent : segment;
        if (!send_piece(way, (const char *)data + sent, part))
            return sent ? (ssize_t)sent : -ENOBUFS;
        sent += part;
    }
    return (ssize_t)sent;
}

/* ---- life ---- */

void sim_way_init(struct sim_way *way, struct sim_connection *connection)
{
    way->connection = connection;
    timer_init(&way->timer, way_due);
}

void sim_way_clear(struct sim_way *way)
{
    sim_timer_cancel(way->connection->engine->sim, &way->timer);
    sim_pieces_free(&way->pieces);
}
