/* SPDX-License-Identifier: MIT */
/* Servers on Unix sockets whose name is there already: another one's, or left by a dead one. */
#include <pthread.h>
#include <sys/un.h>
#include <sys/wait.h>
#include "server_path.h"

TEST(a_name_that_is_in_use)
{
    eddy_server *second = NULL;
    char expected[160];
    CHECK_INT(make_path(), 0);
    eddy_server *server = serve(NULL);
    size_t before = test_count_descriptors();
    CHECK_INT(eddy_serve_unix(path, echo_lines, NULL, NULL, &second), -EADDRINUSE);
    (void)snprintf(expected, sizeof expected, "can't listen on unix:%s: Address already in use",
                   path);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), expected);
    CHECK_INT(test_count_descriptors(), before);
    CHECK(echoes(path)); /* asking did it no harm */
    eddy_server_close(server);

    CHECK_INT(make_file(), 0);
    CHECK_INT(eddy_serve_unix(path, echo_lines, NULL, NULL, &second), -EADDRINUSE);
    CHECK(exists()); /* no socket: not ours to remove */
    CHECK(!second);
    remove_path();
    return 0;
}

/* A stream socket with that name, which doesn't listen. */
static int bind_only(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    int socket = CALL(socket, AF_UNIX, SOCK_STREAM, 0);
    EXPECT_INT(CALL(bind, socket, (struct sockaddr *)&address, sizeof address), 0);
    return socket;
}

/* One that wants to be connected there: what it is told. */
static int connect_now(int *ret_socket)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    *ret_socket = CALL(socket, AF_UNIX, SOCK_STREAM, 0);
    return CALL(connect, *ret_socket, (struct sockaddr *)&address, sizeof address);
}

TEST(a_name_whose_server_has_no_room_now_is_in_use_too)
{
    enum { MOST = 100 };
    int clients[MOST], count = 0, r = 0;
    eddy_server *second = NULL;
    CHECK_INT(make_path(), 0);
    int listener = bind_only();
    CHECK_INT(CALL(listen, listener, 1), 0);
    while (r == 0 && count < MOST)
        r = connect_now(&clients[count++]);
    CHECK_INT(r, -EAGAIN);
    CHECK_INT(eddy_serve_unix(path, echo_lines, NULL, NULL, &second), -EADDRINUSE);
    CHECK(exists());
    while (count)
        CHECK_INT(CALL(close, clients[--count]), 0);
    CHECK_INT(CALL(close, listener), 0);
    remove_path();
    return 0;
}

static int take_over(void)
{
    CHECK(exists());
    eddy_server *server = serve(NULL);
    CHECK(echoes(path));
    eddy_server_close(server);
    CHECK(!exists());
    remove_path();
    return 0;
}

REAL_PLAIN_TEST(a_server_that_was_killed_leaves_a_name_that_the_next_one_removes)
{
    EXPECT_INT(make_path(), 0);
    pid_t child = fork();
    if (child == 0) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        memcpy(address.sun_path, path, strlen(path) + 1);
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        _exit(bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
              listen(listener, 1) < 0);
    }
    int status = -1;
    EXPECT_INT(waitpid(child, &status, 0), child);
    EXPECT_INT(status, 0);
    EXPECT_INT(test_run(take_over), 0);
}

TEST(a_server_that_has_bound_and_is_about_to_listen_is_not_taken_for_dead)
{
    eddy_server *second = NULL;
    CHECK_INT(make_path(), 0);
    int first = bind_only();
    CHECK_INT(eddy_serve_unix(path, echo_lines, NULL, NULL, &second), -EADDRINUSE);
    CHECK(exists());
    CHECK_INT(CALL(listen, first, 1), 0);
    CHECK_INT(eddy_serve_unix(path, echo_lines, NULL, NULL, &second), -EADDRINUSE);
    CHECK(exists());
    CHECK_INT(CALL(close, first), 0);
    second = serve(NULL);
    CHECK(echoes(path));
    eddy_server_close(second);
    remove_path();
    return 0;
}

/* Loops that start servers on a dead one's name at the same time, again and again. */
#define RIVALS 4
#define RACES (TEST_FEW_TASKS ? 20 : 500)

static pthread_barrier_t start;
static _Atomic int winners;

static int say_who(eddy_stream *stream, void *context)
{
    const int *who = context;
    ssize_t n = eddy_stream_write(stream, who, sizeof *who);
    return n < 0 ? (int)n : 0;
}

static void look_who(int who)
{
    int said = -1;
    eddy_stream *stream;
    if (!EXPECT_INT(eddy_connect_unix(path, &stream), 0))
        return;
    EXPECT_INT(eddy_stream_read_exactly(stream, &said, sizeof said), sizeof said);
    EXPECT_INT(said, who);
    eddy_stream_close(stream);
}

static void race(int who)
{
    eddy_server *server = NULL;
    if (who == 0) {
        winners = 0;
        EXPECT_INT(CALL(close, bind_only()), 0);
    }
    (void)pthread_barrier_wait(&start);
    int r = eddy_serve_unix(path, say_who, &who, NULL, &server);
    if (r == 0)
        winners++;
    else
        EXPECT_INT(r, -EADDRINUSE);
    (void)pthread_barrier_wait(&start);
    EXPECT_INT(winners, 1);
    if (server)
        look_who(who);
    eddy_server_close(server);
    EXPECT(!server || !exists());
    (void)pthread_barrier_wait(&start);
}

struct rival {
    int number;
};

static int rival(struct rival *rival)
{
    for (int i = 0; i < RACES; i++)
        race(rival->number);
    return 0;
}

static void *rival_thread(void *number)
{
    EXPECT_INT(eddy_run(rival, .number = *(int *)number), 0);
    return NULL;
}

REAL_PLAIN_TEST(of_servers_that_find_a_dead_ones_name_at_the_same_time_one_gets_it)
{
    pthread_t threads[RIVALS];
    int numbers[RIVALS];
    EXPECT_INT(make_path(), 0);
    EXPECT_INT(pthread_barrier_init(&start, NULL, RIVALS), 0);
    for (int i = 0; i < RIVALS; i++) {
        numbers[i] = i;
        EXPECT_INT(pthread_create(&threads[i], NULL, rival_thread, &numbers[i]), 0);
    }
    for (int i = 0; i < RIVALS; i++)
        EXPECT_INT(pthread_join(threads[i], NULL), 0);
    (void)pthread_barrier_destroy(&start);
    EXPECT_INT(rmdir(folder), 0);
}
