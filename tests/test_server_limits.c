/* SPDX-License-Identifier: MIT */
/* Servers: what is accepted and when, limits, running out of descriptors and tasks. */
#include <stdio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/wait.h>
#define TEST_DEFAULTS .real_system = true
#include "server_handlers.h"
#include "engine/engine.h"
#include "loop.h"

TEST(further_connections_wait_in_the_backlog)
{
    const struct eddy_serve_options options = {.max_connections = 3};
    int ended = 0;
    eddy_server *server = serve(linger, &ended, &options);
    int port = eddy_server_port(server), clients[8];
    for (int i = 0; i < 8; i++)
        clients[i] = connected_socket(port);
    for (int i = 0; i < 8; i++) {
        CHECK_INT(eddy_sleep(0.1), 0);
        CHECK_INT(ended, i);
        CHECK_INT(eddy_server_connections(server), 8 - i < 3 ? 8 - i : 3);
        close(clients[i]); /* the next one gets its place */
    }
    CHECK(server_reaches(server, 0));
    CHECK_INT(ended, 8);
    eddy_server_close(server);
    return 0;
}

/* Notes the last digit of the port at which it came in. */
static int note_port(eddy_stream *stream, void *context)
{
    char address[64];
    const int *first = context;
    (void)eddy_stream_local_address(stream, address, sizeof address);
    note("%s", atoi(strchr(address, ':') + 1) == *first ? "1" : "2");
    return 0;
}

/* Many wait at the first address, one at the second: with room for one at a time it isn't the last
 * one's turn when all the others have had theirs. */
TEST(addresses_take_turns_where_there_is_room_for_few)
{
    const struct eddy_serve_options options = {.max_connections = 1};
    int first = 0, clients[10];
    char address[64];
    eddy_server *server = serve(note_port, &first, &options);
    first = eddy_server_port(server);
    CHECK_INT(eddy_server_listen(server, "127.0.0.1", 0), 0);
    CHECK(eddy_server_address(server, 1, address, sizeof address) > 0);
    int second = atoi(strchr(address, ':') + 1);
    for (int i = 0; i < 10; i++)
        clients[i] = connected_socket(i < 9 ? first : second);
    char c;
    for (int i = 0; i < 10; i++) {
        while (recv(clients[i], &c, 1, MSG_DONTWAIT) < 0)
            CHECK_INT(eddy_sleep(0.001), 0);
        close(clients[i]);
    }
    CHECK(server_reaches(server, 0));
    CHECK_NOTES("1 2 1 1 1 1 1 1 1 1");
    eddy_server_close(server);
    return 0;
}

/* What the system is told. */
static struct {
    const struct engine_vtable *real;
    struct engine_vtable table;
    int backlog;
} noted;

static int note_backlog(struct engine *engine, int descriptor, int backlog)
{
    noted.backlog = backlog;
    return noted.real->listen(engine, descriptor, backlog);
}

TEST(the_backlog_is_what_was_asked_for)
{
    char path[64];
    (void)snprintf(path, sizeof path, "@eddy-backlog-%d", (int)getpid());
    struct engine *engine = eddy_current_loop()->engine;
    noted.real = engine->call;
    noted.table = *engine->call;
    noted.table.listen = note_backlog;
    engine->call = &noted.table;
    const struct eddy_serve_options options = {.backlog = 7};
    eddy_server *server = serve(echo_lines, NULL, &options), *by_path = NULL;
    CHECK_INT(noted.backlog, 7);
    noted.backlog = -1;
    CHECK_INT(eddy_serve_unix(path, echo_lines, NULL, &options, &by_path), 0);
    CHECK_INT(noted.backlog, 7);
    eddy_server_close(by_path);
    eddy_server_close(server);
    engine->call = noted.real;
    return 0;
}

static int exhaust(void)
{
    eddy_server *server = serve(echo_lines, NULL, NULL);
    int port = eddy_server_port(server), one = connected_socket(port);
    struct rlimit limit;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = (rlim_t)one + 1; /* no more descriptors than there are */
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_INT(eddy_sleep(5.5), 0);
    CHECK_REPORT(EDDY_LOG_NOTE, "can't accept connections: Too many open files");
    CHECK_NO_REPORT(); /* once, not five times */
    CHECK_INT(eddy_server_connections(server), 0);
    limit.rlim_cur = before;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_INT(eddy_server_connections(server), 1);
    char buffer[8];
    CHECK_INT(write(one, "hello\n", 6), 6);
    CHECK_INT(eddy_sleep(0.1), 0);
    CHECK_INT(read(one, buffer, sizeof buffer), 6);
    close(one);
    eddy_server_close(server);
    return 0;
}

/* No need to wait for the pause's end when one that is connected makes room. */
static int exhaust_until_one_ends(void)
{
    eddy_server *server = serve(echo_lines, NULL, NULL);
    int port = eddy_server_port(server), one = connected_socket(port);
    CHECK_INT(eddy_sleep(0.1), 0);
    CHECK_INT(eddy_server_connections(server), 1);
    int two = connected_socket(port);
    struct rlimit limit;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = (rlim_t)two + 1;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_INT(eddy_sleep(0.1), 0);
    CHECK_REPORT(EDDY_LOG_NOTE, "can't accept connections: Too many open files");
    CHECK_INT(eddy_server_connections(server), 1);
    close(one);
    CHECK_INT(eddy_sleep(0.1), 0);
    CHECK_INT(eddy_server_connections(server), 1); /* another one */
    char buffer[8];
    CHECK_INT(write(two, "hello\n", 6), 6);
    CHECK_INT(eddy_sleep(0.1), 0);
    CHECK_INT(read(two, buffer, sizeof buffer), 6);
    limit.rlim_cur = before;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
    close(two);
    eddy_server_close(server);
    return 0;
}

/* One descriptor is free at a time, and taken by the next connection. */
static struct {
    const struct engine_vtable *real;
    struct engine_vtable table;
    bool room;
} scarce;

static int accept_one(struct engine *engine, int descriptor, struct sockaddr *address,
                      socklen_t *size)
{
    int r = scarce.room ? scarce.real->accept(engine, descriptor, address, size) : -EMFILE;
    scarce.room = scarce.room && r < 0;
    return r;
}

/* Each finds room, the next one doesn't: one long want of descriptors. */
TEST(rule_213_that_it_is_out_of_descriptors_is_told_once_however_many_come_and_go)
{
    struct engine *engine = eddy_current_loop()->engine;
    eddy_server *server = serve(echo_lines, NULL, NULL);
    int port = eddy_server_port(server), before = -1, now;
    scarce.real = engine->call;
    scarce.table = *engine->call;
    scarce.table.accept = accept_one;
    engine->call = &scarce.table;
    for (int i = 0; i < 20; i++, before = now) {
        now = connected_socket(port);
        scarce.room = true;
        if (before >= 0)
            close(before); /* makes room */
        CHECK(server_reaches(server, 1));
        CHECK_INT(eddy_sleep(0.01), 0);
    }
    CHECK_REPORT(EDDY_LOG_NOTE, "can't accept connections: Too many open files");
    CHECK_NO_REPORT();
    engine->call = scarce.real;
    close(before);
    CHECK_INT(eddy_sleep(1.5), 0); /* nothing is wanted any more: the next time is another one */
    now = connected_socket(port);
    CHECK(server_reaches(server, 1));
    engine->call = &scarce.table;
    before = connected_socket(port);
    CHECK_INT(eddy_sleep(0.1), 0);
    CHECK_REPORT(EDDY_LOG_NOTE, "can't accept connections: Too many open files");
    engine->call = scarce.real;
    close(now);
    close(before);
    CHECK(server_reaches(server, 0));
    eddy_server_close(server);
    return 0;
}

/* The one descriptor of this program that listens. */
static int find_listener(void)
{
    for (int i = 0, listens; i < 1024; i++) {
        socklen_t size = sizeof listens;
        if (getsockopt(i, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens)
            return i;
    }
    return -1;
}

TEST(rule_212_as_many_may_wait_as_the_system_allows)
{
    eddy_server *server = serve(echo_lines, NULL, NULL);
    struct tcp_info info = {.tcpi_state = 0};
    socklen_t size = sizeof info;
    unsigned limit = 0;
    FILE *file = fopen("/proc/sys/net/core/somaxconn", "r");
    bool known = file && fscanf(file, "%u", &limit) == 1;
    if (file)
        (void)fclose(file);
    /* An emulator may have it answered by an int. */
    if (!known || getsockopt(find_listener(), IPPROTO_TCP, TCP_INFO, &info, &size) < 0 ||
        size <= sizeof(int)) {
        eddy_server_close(server);
        return eddy_test_skip("the system doesn't say how many may wait");
    }
    CHECK_INT(info.tcpi_sacked, limit < SOMAXCONN ? limit : SOMAXCONN); /* of one that listens */
    eddy_server_close(server);
    return 0;
}

/* As a filter of system calls may have it. */
static struct {
    const struct engine_vtable *real;
    struct engine_vtable table;
    size_t calls;
} forbidden;

static int forbid(struct engine *engine, int descriptor, struct sockaddr *address, socklen_t *size)
{
    (void)engine;
    (void)descriptor;
    (void)address;
    (void)size;
    return ++forbidden.calls > 10000 ? -EAGAIN : -EPERM;
}

TEST(a_server_that_may_not_accept_does_not_spin)
{
    struct engine *engine = eddy_current_loop()->engine;
    forbidden.real = engine->call;
    forbidden.table = *engine->call;
    forbidden.table.accept = forbid;
    forbidden.calls = 0;
    eddy_server *server = serve(echo_lines, NULL, NULL);
    int client = connected_socket(eddy_server_port(server));
    engine->call = &forbidden.table;
    CHECK_INT(eddy_sleep(3.5), 0);
    engine->call = forbidden.real;
    CHECK(forbidden.calls <= 64 * 4);
    CHECK_REPORT(EDDY_LOG_NOTE, "can't accept connections: Operation not permitted");
    CHECK_NO_REPORT(); /* once */
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_INT(eddy_server_connections(server), 1);
    close(client);
    CHECK(server_reaches(server, 0));
    eddy_server_close(server);
    return 0;
}

/* Says of one connection that it is gone before it hands out those that are there. */
static struct {
    const struct engine_vtable *real;
    struct engine_vtable table;
    int code;
} disturbed;

static int disturb(struct engine *engine, int descriptor, struct sockaddr *address, socklen_t *size)
{
    int code = disturbed.code;
    disturbed.code = 0;
    return code < 0 ? code : disturbed.real->accept(engine, descriptor, address, size);
}

TEST(rule_212_a_connection_that_broke_on_its_way_holds_up_nobody)
{
    static const int codes[] = {ECONNABORTED, EPROTO, ENETDOWN,     ENOPROTOOPT, EHOSTDOWN,
                                ENONET,       EPERM,  EHOSTUNREACH, EOPNOTSUPP,  ENETUNREACH};
    /* More than it takes for a pause when nothing else comes between. */
    enum { CODES = sizeof codes / sizeof codes[0], ROUNDS = 70 };
    struct engine *engine = eddy_current_loop()->engine;
    eddy_server *server = serve(linger, NULL, NULL);
    int clients[ROUNDS];
    disturbed.real = engine->call;
    disturbed.table = *engine->call;
    disturbed.table.accept = disturb;
    engine->call = &disturbed.table;
    for (int i = 0; i < ROUNDS; i++) {
        disturbed.code = -codes[i % CODES];
        clients[i] = connected_socket(eddy_server_port(server));
        for (int naps = 0; naps < 500 && (int)eddy_server_connections(server) == i; naps++)
            CHECK_INT(eddy_sleep(0.001), 0); /* less than a pause, in all */
        CHECK_INT(disturbed.code, 0);
        CHECK_INT(eddy_server_connections(server), i + 1);
    }
    CHECK_NO_REPORT();
    engine->call = disturbed.real;
    for (int i = 0; i < ROUNDS; i++)
        close(clients[i]);
    CHECK(server_reaches(server, 0));
    eddy_server_close(server);
    return 0;
}

TEST(rule_213_a_pause_ends_with_its_server)
{
    struct engine *engine = eddy_current_loop()->engine;
    eddy_server *server = serve(linger, NULL, NULL);
    disturbed.real = engine->call;
    disturbed.table = *engine->call;
    disturbed.table.accept = disturb;
    disturbed.code = -EMFILE;
    engine->call = &disturbed.table;
    int client = connected_socket(eddy_server_port(server));
    CHECK_INT(eddy_sleep(0.1), 0);
    CHECK_REPORT(EDDY_LOG_NOTE, "can't accept connections: Too many open files");
    engine->call = disturbed.real;
    eddy_server_close(server); /* a timer that stays is seen at the test's end */
    CHECK_INT(close(client), 0);
    return 0;
}

static int find_no_descriptor(struct engine *engine, int descriptor, struct sockaddr *address,
                              socklen_t *size)
{
    (void)engine;
    (void)descriptor;
    (void)address;
    (void)size;
    return -EMFILE;
}

static void fail_elsewhere(void *unused)
{
    (void)unused;
    (void)eddy_fail(-EMFILE, "something else");
}

TEST(rule_213_two_addresses_that_run_out_at_once_pause_and_go_on_together)
{
    struct engine *engine = eddy_current_loop()->engine;
    eddy_server *server = serve(linger, NULL, NULL);
    int port = eddy_server_port(server);
    eddy_stream *one = NULL, *two = NULL;
    CHECK_INT(eddy_server_listen(server, "127.0.0.2", port), 0);
    disturbed.real = engine->call;
    disturbed.table = *engine->call;
    disturbed.table.accept = find_no_descriptor;
    engine->call = &disturbed.table;
    CHECK(eddy_call_soon(fail_elsewhere, NULL));
    CHECK_INT(eddy_connect("127.0.0.1", port, &one), 0);
    CHECK_INT(eddy_connect("127.0.0.2", port, &two), 0);
    CHECK_INT(eddy_sleep(3.5), 0);
    struct test_record *record = EXPECT_REPORT(EDDY_LOG_NOTE, "Too many open files");
    CHECK(record);
    CHECK_TEXT(record->failure, ""); /* what failed elsewhere is none of its affairs */
    CHECK_NO_REPORT();
    engine->call = disturbed.real;
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_INT(eddy_server_connections(server), 2);
    eddy_stream_close(one);
    eddy_stream_close(two);
    eddy_server_close(server);
    return 0;
}

/* However the connection ends. */
static int stay(eddy_stream *stream, void *context)
{
    char c;
    (void)context;
    return eddy_stream_read(stream, &c, 1) == -ECANCELED ? -ECANCELED : 0;
}

/* One of them has gone again before the server looked; Linux hands it out all the same, and its
 * handler finds that out. */
TEST(rule_212_all_that_wait_are_accepted_in_one_turn_but_those_that_went)
{
    enum { CLIENTS = 30, GONE = 17 };
    eddy_server *server = serve(stay, NULL, NULL);
    const struct linger reset = {.l_onoff = 1};
    int clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = connected_socket(eddy_server_port(server));
    CHECK_INT(setsockopt(clients[GONE], SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    CHECK_INT(close(clients[GONE]), 0);
    size_t most = 0;
    for (int i = 0; i < 10; i++) {
        size_t before = eddy_server_connections(server);
        CHECK_INT(eddy_sleep(0.001), 0);
        size_t now = eddy_server_connections(server);
        most = now > before && now - before > most ? now - before : most;
    }
    CHECK(most >= CLIENTS - 1);
    CHECK_INT(eddy_server_connections(server), CLIENTS - 1);
    for (int i = 0; i < CLIENTS; i++)
        if (i != GONE)
            CHECK_INT(close(clients[i]), 0);
    CHECK(server_reaches(server, 0));
    eddy_server_close(server);
    return 0;
}

static void run_in_child(int (*function)(void))
{
    pid_t child = fork();
    if (child == 0) {
        int r = test_run(function);
        if (test_state.file)
            fprintf(stderr, "%s:%d: %s\n", test_state.file, test_state.line, test_state.why);
        _exit(r != 0 || test_state.file);
    }
    int status = -1;
    EXPECT_INT(waitpid(child, &status, 0), child);
    EXPECT_INT(status, 0);
}

PLAIN_TEST(rule_213_out_of_descriptors)
{
    run_in_child(exhaust);
}

PLAIN_TEST(rule_213_out_of_descriptors_until_one_has_ended)
{
    run_in_child(exhaust_until_one_ends);
}

TEST_WITH(out_of_tasks, .virtual_clock = true, .max_tasks = 2)
{
    eddy_server *server = serve(linger, NULL, NULL);
    int port = eddy_server_port(server), one = connected_socket(port), two = connected_socket(port);
    CHECK_INT(eddy_sleep(3.5), 0);
    struct test_record *record = EXPECT_REPORT(EDDY_LOG_NOTE, "can't accept connections");
    CHECK(record);
    CHECK_INT(record->code, -EAGAIN);
    CHECK_CONTAINS(record->failure, "max_tasks");
    CHECK_INT(eddy_server_connections(server), 1);
    char c;
    CHECK_INT(recv(two, &c, 1, MSG_DONTWAIT), -1); /* it still waits, and its turn comes */
    close(one);
    CHECK_INT(eddy_sleep(0.1), 0);
    CHECK_INT(eddy_server_connections(server), 1);
    int three = connected_socket(port);
    CHECK_INT(eddy_sleep(0.1), 0);
    CHECK_INT(recv(three, &c, 1, MSG_DONTWAIT), -1);
    eddy_server_close(server);
    close(two);
    close(three);
    return 0;
}
