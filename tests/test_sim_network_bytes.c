/* SPDX-License-Identifier: MIT */
/*
 * The simulated network keeps its promise: whatever links do, no byte of a connection is lost,
 * doubled or out of place, except that a reset cuts the rest off. Random programs on random links,
 * each seed another; and each seed the same twice.
 */
#include "support/sim_test.h"

#define HOST "10.0.0.1"
#define SEEDS 200

enum { CONNECTIONS = 4, BYTES_MAX = 20000 };

static const double delays[] = {0, 0.001, 0.5};
static const double bandwidths[] = {0, 2000, 1e6};
static const size_t buffers[] = {0, 1, 7, 1000};

static unsigned char pattern(int connection, int direction, size_t at)
{
    return (unsigned char)((at * 2654435761u >> 9) ^ at ^
                           (size_t)(connection * 2 + direction) * 41);
}

/* ---- one direction of a connection ---- */

struct transfer {
    int connection, direction;
    size_t size;                   /* of it all */
    size_t received;               /* in order */
    int read_result, write_result; /* 1: didn't come to that */
};

static struct transfer transfers[CONNECTIONS][2];
static bool resets_happen;

struct end {
    eddy_stream *stream;
    struct transfer *transfer;
};

static int send_all(struct end *a)
{
    struct transfer *transfer = a->transfer;
    unsigned char block[3000];
    for (size_t at = 0; at < transfer->size;) {
        size_t size = 1 + eddy_sim_choose(sizeof block);
        if (size > transfer->size - at)
            size = transfer->size - at;
        for (size_t i = 0; i < size; i++)
            block[i] = pattern(transfer->connection, transfer->direction, at + i);
        ssize_t n = eddy_stream_write(a->stream, block, size);
        if (n < 0) {
            transfer->write_result = (int)n;
            return 0;
        }
        at += size;
        if (eddy_sim_choose(4) == 1 && eddy_sleep(eddy_sim_choose(10) * 0.01) < 0)
            return -ECANCELED;
    }
    transfer->write_result = eddy_stream_write_end(a->stream);
    return 0;
}

static int receive_all(struct end *a)
{
    struct transfer *transfer = a->transfer;
    unsigned char block[3000];
    ssize_t n;
    while ((n = eddy_stream_read(a->stream, block, 1 + eddy_sim_choose(sizeof block))) > 0) {
        for (ssize_t i = 0; i < n; i++, transfer->received++)
            if (block[i] !=
                pattern(transfer->connection, transfer->direction, transfer->received)) {
                EXPECT_INT(transfer->received, -1); /* the place of the first wrong byte */
                return -EBADE;
            }
        if (eddy_sim_choose(4) == 1 && eddy_sleep(eddy_sim_choose(10) * 0.01) < 0)
            return -ECANCELED;
    }
    transfer->read_result = (int)n;
    return 0;
}

static int both_ways(eddy_stream *stream, int connection, int direction)
{
    int err = 0;
    eddy_with_group (group, &err) {
        eddy_spawn_as(group, send_all, struct end, .stream = stream,
                      .transfer = &transfers[connection][direction]);
        eddy_spawn_as(group, receive_all, struct end, .stream = stream,
                      .transfer = &transfers[connection][!direction]);
    }
    return err;
}

/* ---- the program ---- */

static int handle(eddy_stream *stream, void *context)
{
    unsigned char connection;
    (void)context;
    ssize_t n = eddy_stream_read(stream, &connection, 1);
    if (n != 1)
        return resets_happen ? 0 : -EBADE;
    return both_ways(stream, connection, 1);
}

struct client {
    int port;
    unsigned char connection;
};

static int client(struct client *a)
{
    eddy_stream *stream;
    int r = eddy_connect(HOST, a->port, &stream);
    if (r < 0)
        return r;
    r = (int)eddy_stream_write(stream, &a->connection, 1);
    if (r == 1)
        r = both_ways(stream, a->connection, 0);
    eddy_stream_close(stream);
    return resets_happen && r != -EBADE ? 0 : r;
}

static struct eddy_sim_link some_link(void)
{
    struct eddy_sim_link link = {
        .delay_min = delays[eddy_sim_choose(3)],
        .delay_max = delays[eddy_sim_choose(3)],
        .bandwidth = bandwidths[eddy_sim_choose(3)],
        .buffer = buffers[eddy_sim_choose(4)],
        .short_io = eddy_sim_choose(3) * 0.4,
        .cut = eddy_sim_choose(4) == 1,
        .reset = resets_happen ? 0.01 : 0,
    };
    return link;
}

/* Each second another link, and in the end one that lets everything through. */
static int disturb(void)
{
    for (int i = 0; i < 10; i++) {
        struct eddy_sim_link link = some_link();
        CHECK_INT(eddy_sim_set_link(HOST, &link), 0);
        CHECK_INT(eddy_sleep(1), 0);
    }
    const struct eddy_sim_link whole = {.delay_max = 0.01};
    return eddy_sim_set_link(HOST, &whole);
}

static int program(void)
{
    eddy_server *server;
    memset(transfers, 0, sizeof transfers);
    for (int i = 0; i < CONNECTIONS; i++)
        for (int j = 0; j < 2; j++)
            transfers[i][j] = (struct transfer){
                .connection = i,
                .direction = j,
                .size = eddy_sim_choose(BYTES_MAX),
                .read_result = 1,
                .write_result = 1,
            };
    CHECK_INT(eddy_serve(HOST, 0, handle, NULL, NULL, &server), 0);
    int err = 0;
    eddy_with_group (group, &err) {
        eddy_spawn(group, disturb);
        for (unsigned char i = 0; i < CONNECTIONS; i++)
            eddy_spawn(group, client, .port = eddy_server_port(server), .connection = i);
    }
    CHECK_INT(err, 0);
    CHECK_INT(eddy_sleep(60), 0); /* what is on its way keeps its delay */
    CHECK_INT(eddy_server_connections(server), 0);
    eddy_server_close(server);
    return 0;
}

static struct eddy_sim_options options_of(uint64_t seed)
{
    return (struct eddy_sim_options){.order = seed % 2 ? EDDY_SIM_SHUFFLED : EDDY_SIM_FIFO,
                                     .link.delay_max = 0.1};
}

PLAIN_TEST(no_byte_is_lost)
{
    size_t bytes = 0;
    resets_happen = false;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        if (!sim_passes(seed, options_of(seed), program))
            return;
        for (int i = 0; i < CONNECTIONS; i++)
            for (int j = 0; j < 2; j++) {
                const struct transfer *transfer = &transfers[i][j];
                EXPECT_INT(transfer->received, transfer->size);
                EXPECT_INT(transfer->read_result, 0);
                EXPECT_INT(transfer->write_result, 0);
                bytes += transfer->size;
            }
    }
    printf("%d seeds, %zu bytes\n", SEEDS, bytes);
}

/* An end that was told of as good has all of its data before it. */
PLAIN_TEST(resets_cut_off_and_nothing_else)
{
    size_t whole = 0, reset = 0;
    resets_happen = true;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        if (!sim_passes(seed, options_of(seed), program))
            return;
        for (int i = 0; i < CONNECTIONS; i++)
            for (int j = 0; j < 2; j++) {
                const struct transfer *transfer = &transfers[i][j];
                EXPECT(transfer->received <= transfer->size);
                if (transfer->read_result == 0)
                    EXPECT_INT(transfer->received, transfer->size);
                whole += transfer->received == transfer->size;
                reset += transfer->read_result == -ECONNRESET;
            }
    }
    EXPECT(whole > 100 && reset > 100);
    printf("%zu transfers whole, %zu cut off\n", whole, reset);
}

PLAIN_TEST(a_seed_says_it_all)
{
    enum { RUNS = 20 };
    uint64_t hashes[RUNS];
    for (int resets = 0; resets < 2; resets++) {
        resets_happen = resets;
        for (int twice = 0; twice < 2; twice++)
            for (int i = 0; i < RUNS; i++) {
                (void)sim_passes((uint64_t)i, options_of((uint64_t)i), program);
                if (twice)
                    EXPECT(hashes[i] == eddy_sim_report().hash);
                hashes[i] = eddy_sim_report().hash;
                for (int j = 0; j < i; j++)
                    EXPECT(hashes[i] != hashes[j]);
            }
    }
}
