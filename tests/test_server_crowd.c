/* SPDX-License-Identifier: MIT */
/*
 * Servers among many: thousands of connections that say nothing and hundreds that say a byte a
 * second. Those who talk properly are served all the same, memory stays bounded, and all is given
 * back.
 *
 * The simulated system has as many descriptors as there need be. On a real one the idle clients are
 * in a process of their own, so that each connection of theirs takes one descriptor here; where the
 * limit is too low even so there are fewer, and the test says so.
 */
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "sanitizer.h"
#include "server_handlers.h"

#ifdef EDDY_HAVE_VALGRIND
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

enum { IDLE = 10000, DRIPPING = 1000, ROUNDS = 20 };

/* How much of the crowd, in percent, there is room for: a descriptor for an idle one, two for one
 * that drips, and some for others. */
static size_t share_of_crowd(bool simulated)
{
    struct rlimit limit;
    if (EDDY_TSAN || RUNNING_ON_VALGRIND) /* each task costs a lot there */
        return 5;
    if (simulated)
        return 100;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 1;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    size_t fits = limit.rlim_cur < 200 ? 0 : limit.rlim_cur - 200;
    size_t share = fits * 100 / (IDLE + 2 * DRIPPING);
    return share > 100 ? 100 : share;
}

/* ---- those who say nothing ---- */

struct idlers {
    eddy_stream **streams; /* on the simulated system */
    size_t count;
    eddy_stream *process; /* on a real one: the other process's clients last as long as this */
    pid_t pid;
};

/* The other process. */
static void be_idle(int port, size_t count, int end)
{
    char byte = 0;
    for (size_t i = 0; i < count; i++)
        (void)connected_socket(port);
    bool told = write(end, &byte, 1) == 1;
    while (told && read(end, &byte, 1) < 0 && errno == EINTR)
        continue;
    _exit(!told);
}

static int idlers_elsewhere(struct idlers *idlers, int port)
{
    int ends[2];
    char byte;
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    idlers->pid = fork();
    CHECK(idlers->pid >= 0);
    if (idlers->pid == 0) {
        (void)close(ends[0]);
        be_idle(port, idlers->count, ends[1]);
    }
    (void)close(ends[1]);
    CHECK_INT(eddy_stream_from_descriptor(ends[0], &idlers->process), 0);
    CHECK_INT(eddy_stream_read(idlers->process, &byte, 1), 1);
    return 0;
}

static int idlers_come(struct idlers *idlers, int port)
{
    if (!eddy_sim_active())
        return idlers_elsewhere(idlers, port);
    idlers->streams = calloc(idlers->count, sizeof(eddy_stream *));
    for (size_t i = 0; i < idlers->count; i++)
        CHECK_INT(eddy_connect("127.0.0.1", port, &idlers->streams[i]), 0);
    return 0;
}

static void idlers_go(struct idlers *idlers)
{
    eddy_stream_close(idlers->process);
    while (idlers->process && waitpid(idlers->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    for (size_t i = 0; idlers->streams && i < idlers->count; i++)
        eddy_stream_close(idlers->streams[i]);
    free(idlers->streams);
}

/* ---- the others ---- */

struct drip {
    eddy_stream *stream;
};

/* A byte a second of a line that never ends. */
static int drip(struct drip *a)
{
    for (int i = 0; i < ROUNDS; i++) {
        int r = eddy_sleep(1);
        ssize_t n = r < 0 ? r : eddy_stream_write(a->stream, "x", 1);
        if (n < 0)
            return (int)n;
    }
    return 0;
}

/* Somebody in the middle of it who only wants an answer. */
static int is_served(int port)
{
    eddy_stream *stream;
    char line[64];
    int r = eddy_connect("127.0.0.1", port, &stream);
    if (r < 0)
        return r;
    ssize_t n = eddy_stream_write(stream, "hello\n", 6);
    if (n >= 0)
        n = eddy_wait_for((int)eddy_stream_read_line(stream, line, sizeof line), 1.0);
    eddy_stream_close(stream);
    return n < 0 ? (int)n : n == 6 ? 0 : -EBADMSG;
}

static size_t memory_in_use(void)
{
    return mallinfo2().uordblks;
}

EDDY_TEST_WITH(idle_and_dripping_connections_cost_little_and_stop_nobody, .any_order = true,
               .heavy = true, .loop = {.max_tasks = 2 * (IDLE + DRIPPING) + 100})
{
    const struct eddy_serve_options options = {.backlog = 4096,
                                               .max_connections = IDLE + DRIPPING + 10};
    size_t share = share_of_crowd(eddy_sim_active());
    size_t idle = IDLE * share / 100, dripping = DRIPPING * share / 100, count = idle + dripping;
    if (share < 100)
        printf("%zu of %d connections: that is what there is room for here\n", count,
               IDLE + DRIPPING);
    eddy_server *server = NULL;
    struct idlers idlers = {.count = idle};
    eddy_stream **streams = calloc(dripping, sizeof(eddy_stream *));
    CHECK_INT(eddy_serve("127.0.0.1", 0, echo_lines, NULL, &options, &server), 0);
    int port = eddy_server_port(server), err;
    CHECK_INT(idlers_come(&idlers, port), 0);
    for (size_t i = 0; i < dripping; i++)
        CHECK_INT(eddy_connect("127.0.0.1", port, &streams[i]), 0);
    for (int i = 0; i < 10000 && eddy_server_connections(server) < count; i++)
        CHECK_INT(eddy_sleep(0.1), 0);
    CHECK_INT(eddy_server_connections(server), count);
    size_t before = memory_in_use(), most = before;
    eddy_with_group (g, &err) {
        for (size_t i = 0; i < dripping; i++)
            eddy_spawn(g, drip, .stream = streams[i]);
        for (int i = 0; i < ROUNDS; i++) {
            CHECK_INT(eddy_sleep(1), 0);
            CHECK_INT(is_served(port), 0);
            size_t now = memory_in_use();
            most = now > most ? now : most;
        }
    }
    CHECK_INT(err, 0);
    /* What a dripping one makes the server keep is a buffer for a line, far below its limit. */
    CHECK(most - before < dripping * 4096 + (1 << 20));
    idlers_go(&idlers);
    for (size_t i = 0; i < dripping; i++)
        eddy_stream_close(streams[i]);
    free(streams);
    for (int i = 0; i < 10000 && eddy_server_connections(server); i++)
        CHECK_INT(eddy_sleep(0.1), 0);
    CHECK_INT(eddy_server_connections(server), 0);
    eddy_server_close(server);
    return 0;
}

/* ---- all at once ---- */

struct rush {
    eddy_server *server;
    size_t most, served;
};

static int look_around(eddy_stream *stream, void *context)
{
    struct rush *rush = context;
    size_t count = eddy_server_connections(rush->server);
    (void)stream;
    rush->served++;
    rush->most = count > rush->most ? count : rush->most;
    return 0;
}

REAL_TEST(rule_212_of_many_that_wait_no_more_than_64_are_accepted_before_others_run)
{
    enum { CLIENTS = 100, BATCH = 64 };
    struct rush rush = {.most = 0};
    int clients[CLIENTS];
    rush.server = serve(look_around, &rush, NULL);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = connected_socket(eddy_server_port(rush.server));
    for (int naps = 0; naps < 500 && rush.served < CLIENTS; naps++)
        CHECK_INT(eddy_sleep(0.01), 0);
    CHECK_INT(rush.served, CLIENTS);
    CHECK(rush.most <= BATCH);
    for (int i = 0; i < CLIENTS; i++)
        CHECK_INT(close(clients[i]), 0);
    eddy_server_close(rush.server);
    return 0;
}
