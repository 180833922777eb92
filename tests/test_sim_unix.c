/* SPDX-License-Identifier: MIT */
/*
 * Simulated Unix sockets: names, connecting, ends, each with the answers that Linux gives; and what
 * chance makes of them.
 */
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "support/sim_sockets.h"

#define PATH "/tmp/eddy-test-sim-unix"

static int open_unix(void)
{
    return CALL(socket, AF_UNIX, SOCK_STREAM, 0);
}

struct unix_address {
    struct sockaddr_un address;
    socklen_t size;
};

static struct unix_address unix_at(const char *path)
{
    struct unix_address made = {.size = 0};
    EXPECT_INT(address_unix(path, &made.address, &made.size), 0);
    return made;
}

static int bind_unix(int number, const char *path)
{
    struct unix_address to = unix_at(path);
    return CALL(bind, number, (struct sockaddr *)&to.address, to.size);
}

static int connect_unix(int number, const char *path)
{
    struct unix_address to = unix_at(path);
    return CALL(connect, number, (struct sockaddr *)&to.address, to.size);
}

static int listen_unix(const char *path, int backlog)
{
    int number = open_unix();
    int r = bind_unix(number, path);
    if (r == 0)
        r = CALL(listen, number, backlog);
    return r < 0 ? r : number;
}

/* [0] connected to the path, [1] was accepted there. */
static int unix_pair(int pair[2])
{
    (void)CALL(path_remove, PATH);
    int listener = listen_unix(PATH, 5);
    pair[0] = open_unix();
    int r = listener < 0 ? listener : connect_unix(pair[0], PATH);
    pair[1] = r < 0 ? r : CALL(accept, listener, NULL, NULL);
    (void)CALL(close, listener);
    (void)CALL(path_remove, PATH);
    return pair[1] < 0 ? pair[1] : 0;
}

/* As "unix:..." */
static const char *name_of(int number, bool peer)
{
    static char text[160];
    struct sockaddr_storage storage;
    struct sockaddr *any = (struct sockaddr *)&storage;
    socklen_t size = sizeof storage;
    int r = peer ? CALL(peer_address, number, any, &size) : CALL(local_address, number, any, &size);
    if (r == 0)
        r = address_text_any(any, size, text, sizeof text);
    return r < 0 ? eddy_error_name(r) : text;
}

/* ---- names ---- */

static int names_program(void)
{
    struct stat status;
    (void)CALL(path_remove, PATH);
    int one = open_unix(), other = open_unix();
    CHECK_TEXT(name_of(one, false), "unix:");
    CHECK_INT(CALL(listen, one, 1), -EINVAL); /* where? */
    CHECK_INT(bind_unix(one, "/nowhere/at/all"), -ENOENT);
    CHECK_INT(bind_unix(one, PATH), 0);
    CHECK_TEXT(name_of(one, false), "unix:" PATH);
    CHECK_INT(bind_unix(one, PATH "2"), -EINVAL); /* bound already */
    CHECK_INT(bind_unix(other, PATH), -EADDRINUSE);
    CHECK_INT(bind_unix(other, PATH "/x"), -ENOTDIR);
    CHECK_INT(CALL(path_status, PATH, &status), 0);
    CHECK(S_ISSOCK(status.st_mode));
    CHECK_INT(CALL(path_mode, PATH, 0600), 0);
    CHECK_INT(CALL(path_status, PATH, &status), 0);
    CHECK_INT(status.st_mode & 07777, 0600);
    CHECK_INT(connect_unix(other, PATH), -ECONNREFUSED); /* nobody listens yet */
    CHECK_INT(CALL(listen, one, 1), 0);
    CHECK_INT(CALL(get_option, one, SOL_SOCKET, SO_ACCEPTCONN), 1);
    CHECK_INT(CALL(close, one), 0);
    CHECK_INT(CALL(path_status, PATH, &status), 0); /* stays */
    CHECK_INT(connect_unix(other, PATH), -ECONNREFUSED);
    CHECK_INT(bind_unix(other, PATH), -EADDRINUSE);
    CHECK_INT(CALL(path_remove, PATH), 0);
    CHECK_INT(CALL(path_remove, PATH), -ENOENT);
    CHECK_INT(CALL(path_mode, PATH, 0600), -ENOENT);
    CHECK_INT(CALL(path_status, PATH, &status), -ENOENT);
    CHECK_INT(connect_unix(other, PATH), -ENOENT);
    CHECK_INT(connect_unix(other, "/tmp"), -ECONNREFUSED);
    CHECK_INT(connect_unix(other, "@eddy-test-sim-unix"), -ECONNREFUSED);
    CHECK_INT(bind_unix(other, "@eddy-test-sim-unix"), 0);
    CHECK_TEXT(name_of(other, false), "unix:@eddy-test-sim-unix");
    CHECK_INT(bind_unix(open_unix(), "@eddy-test-sim-unix"), -EADDRINUSE);
    CHECK_INT(CALL(close, other), 0);
    CHECK_INT(bind_unix(open_unix(), "@eddy-test-sim-unix"), 0); /* gone with its socket */
    return 0;
}

static int odd_addresses_program(void)
{
    int number = open_unix();
    struct unix_address path = unix_at(PATH);
    struct address four = at(HOST, PORT);
    const struct sockaddr *any = (struct sockaddr *)&path.address;
    CHECK_INT(CALL(bind, number, &four.any, four.size), -EINVAL);
    CHECK_INT(CALL(bind, number, any, (socklen_t)sizeof path.address + 1), -EINVAL);
    CHECK_INT(CALL(connect, number, any, 2), -EINVAL);
    (void)CALL(path_remove, PATH);
    CHECK_INT(CALL(bind, number, any, path.size - 1), 0); /* ends with the address */
    CHECK_TEXT(name_of(number, false), "unix:" PATH);
    CHECK_INT(CALL(set_option, number, IPPROTO_TCP, TCP_NODELAY, 1), -EOPNOTSUPP);
    CHECK_INT(CALL(get_option, number, SOL_SOCKET, SO_DOMAIN), AF_UNIX);
    CHECK_INT(CALL(path_remove, PATH), 0);
    return 0;
}

/* Beside files, and not to be opened as one. */
static int file_system_program(void)
{
    eddy_file *file;
    eddy_directory *directory;
    struct eddy_directory_entry entry;
    CHECK_INT(eddy_make_directory("/tmp/d", 0700), 0);
    int listener = listen_unix("/tmp/d/socket", 1), client = open_unix();
    CHECK(listener >= 0);
    CHECK_INT(eddy_file_open("/tmp/d/socket", O_RDWR, 0, &file), -ENXIO);
    CHECK_INT(eddy_directory_open("/tmp/d", &directory), 0);
    CHECK_INT(eddy_directory_next(directory, &entry), 1);
    CHECK_TEXT(entry.name, "socket");
    CHECK_INT(entry.type, DT_SOCK);
    eddy_directory_close(directory);
    CHECK_INT(eddy_rename("/tmp/d/socket", "/tmp/d/moved"), 0);
    CHECK_INT(connect_unix(client, "/tmp/d/moved"), 0); /* the name leads to it all the same */
    CHECK_TEXT(name_of(client, true), "unix:/tmp/d/socket");
    CHECK_INT(CALL(close, listener), 0);
    CHECK_INT(eddy_unlink("/tmp/d/moved"), 0);
    CHECK_INT(eddy_remove_tree("/tmp/d"), 0);
    return 0;
}

PLAIN_TEST(names)
{
    passes_as_on_linux(names_program);
    passes_as_on_linux(odd_addresses_program);
    passes(file_system_program);
}

/* ---- connecting ---- */

static int connect_program(void)
{
    (void)CALL(path_remove, PATH);
    int client = open_unix(), listener = listen_unix(PATH, 0);
    CHECK_INT(sent(client, "x"), -ENOTCONN);
    CHECK_INT(receive(client, 1), -EINVAL);
    CHECK_INT(CALL(accept, listener, NULL, NULL), -EAGAIN);
    CHECK_INT(connect_unix(listener, PATH), -EINVAL);
    CHECK_INT(connect_unix(client, PATH), 0);
    CHECK_INT(sent(client, "early"), 5);
    int second = open_unix();
    CHECK_INT(connect_unix(second, PATH), -EAGAIN); /* there is no room beside the one that waits */

    struct counter watch;
    CHECK_INT(watch_begin(&watch, listener, false, 3), 0);
    CHECK_INT(told(&watch), READY_READ);
    struct sockaddr_storage storage;
    socklen_t size = sizeof storage;
    int server = CALL(accept, listener, (struct sockaddr *)&storage, &size);
    CHECK(server >= 0);
    CHECK_INT(size, sizeof(sa_family_t)); /* it has no name */
    CHECK_TEXT(name_of(server, true), "unix:");
    CHECK_TEXT(name_of(server, false), "unix:" PATH);
    CHECK_TEXT(name_of(client, true), "unix:" PATH);
    CHECK_TEXT(name_of(client, false), "unix:");
    CHECK_TEXT(name_of(listener, true), "ENOTCONN");
    CHECK_INT(receive(server, 9), 5);
    CHECK_INT(connect_unix(client, PATH), -EISCONN);
    CHECK_INT(connect_unix(second, PATH), 0);

    /* What nobody accepted is reset when the listener goes. */
    CHECK_INT(CALL(close, listener), 0);
    settle();
    CHECK_INT(sent(second, "x"), -EPIPE);
    CHECK_INT(receive(second, 1), -ECONNRESET);
    CHECK_INT(receive(second, 1), 0);
    CHECK_INT(sent(second, "x"), -EPIPE);
    CHECK_INT(sent(client, "still there"), 11);
    CHECK_INT(CALL(path_remove, PATH), 0);
    return 0;
}

/* A client with a name of its own. */
static int named_client_program(void)
{
    int listener = listen_unix("@eddy-test-sim-unix", 1), client = open_unix();
    CHECK_INT(bind_unix(client, "@eddy-test-sim-client"), 0);
    CHECK_INT(connect_unix(client, "@eddy-test-sim-unix"), 0);
    int server = CALL(accept, listener, NULL, NULL);
    CHECK_TEXT(name_of(server, true), "unix:@eddy-test-sim-client");
    CHECK_INT(CALL(shutdown, listener, SHUT_RDWR), 0);
    CHECK_INT(connect_unix(open_unix(), "@eddy-test-sim-unix"), -ECONNREFUSED);
    return 0;
}

PLAIN_TEST(connecting)
{
    passes_as_on_linux(connect_program);
    passes_as_on_linux(named_client_program);
}

/* ---- ends ---- */

static int ends_program(void)
{
    int pair[2];
    struct counter watch;
    CHECK_INT(unix_pair(pair), 0);
    CHECK_INT(sent(pair[0], "bye"), 3);
    CHECK_INT(receive(pair[1], 9), 3); /* at once */
    CHECK_INT(receive(pair[1], 9), -EAGAIN);
    CHECK_INT(watch_begin(&watch, pair[1], false, 3), 0);
    CHECK_INT(told(&watch), READY_WRITE);
    CHECK_INT(CALL(shutdown, pair[0], SHUT_WR), 0);
    CHECK_INT(told(&watch), READY_READ | READY_WRITE | READY_HANGUP);
    CHECK_INT(receive(pair[1], 9), 0);
    CHECK_INT(sent(pair[0], "x"), -EPIPE);
    CHECK_INT(sent(pair[1], "answer"), 6);
    CHECK_INT(CALL(close, pair[1]), 0);
    CHECK_INT(receive(pair[0], 9), 6); /* before the end */
    CHECK_INT(receive(pair[0], 9), 0);

    CHECK_INT(unix_pair(pair), 0);
    CHECK_INT(CALL(shutdown, pair[0], SHUT_RD), 0);
    CHECK_INT(sent(pair[1], "x"), -EPIPE); /* nobody would read it */
    CHECK_INT(receive(pair[0], 1), 0);
    CHECK_INT(sent(pair[0], "y"), 1);

    CHECK_INT(unix_pair(pair), 0);
    CHECK_INT(sent(pair[0], "never read"), 10);
    CHECK_INT(sent(pair[1], "last"), 4);
    CHECK_INT(CALL(close, pair[1]), 0);
    CHECK_INT(sent(pair[0], "x"), -EPIPE);
    settle();
    CHECK_INT(receive(pair[0], 9), 4);
    CHECK_INT(receive(pair[0], 9), -ECONNRESET);
    CHECK_INT(receive(pair[0], 9), 0);
    CHECK_INT(sent(pair[0], "x"), -EPIPE);
    return 0;
}

/* Who waits for room is woken when there is some, or nobody left. */
static int full_program(void)
{
    static char block[1 << 20];
    int pair[2];
    struct counter watch;
    CHECK_INT(unix_pair(pair), 0);
    ssize_t n = CALL(send, pair[0], block, sizeof block);
    CHECK(n > 0 && (size_t)n < sizeof block);
    while (CALL(send, pair[0], block, 1000) > 0)
        continue;
    CHECK_INT(CALL(send, pair[0], block, 1000), -EAGAIN);
    CHECK_INT(watch_begin(&watch, pair[0], false, 3), 0);
    CHECK_INT(told(&watch), 0);
    while (receive(pair[1], 1 << 17) > 0)
        continue;
    CHECK_INT(told(&watch), READY_WRITE);
    while (CALL(send, pair[0], block, sizeof block) > 0)
        continue;
    (void)told(&watch);
    CHECK_INT(CALL(close, pair[1]), 0);
    CHECK_INT(told(&watch), READY_READ | READY_WRITE | READY_HANGUP);
    CHECK_INT(sent(pair[0], "x"), -EPIPE);
    return 0;
}

PLAIN_TEST(ends)
{
    passes_as_on_linux(ends_program);
    passes_as_on_linux(full_program);
}

/* ---- chance ---- */

/* Which of what the network may do was seen, by one program and many seeds. */
static struct {
    unsigned short_reads, resets, refused, delayed, whole;
} seen;

static int chance_server(eddy_stream *stream, void *context)
{
    char text[100];
    (void)context;
    ssize_t n = eddy_stream_read_exactly(stream, text, sizeof text);
    if (n > 0)
        n = eddy_stream_write(stream, text, sizeof text);
    return n == -ECONNRESET || n == -EPIPE || n == -ENODATA ? 0 : n < 0 ? (int)n : 0;
}

static int chance_program(void)
{
    eddy_server *server;
    eddy_stream *stream;
    char text[100], back[100];
    memset(text, 'x', sizeof text);
    CHECK_INT(eddy_serve_unix(PATH, chance_server, NULL, NULL, &server), 0);
    int r = eddy_connect_unix(PATH, &stream);
    CHECK(r == 0 || r == -ECONNREFUSED);
    seen.refused += r < 0;
    if (r == 0) {
        double before = eddy_time();
        ssize_t n = eddy_stream_write(stream, text, sizeof text);
        size_t have = 0;
        while (n >= 0 && have < sizeof back) {
            n = eddy_stream_read(stream, back + have, sizeof back - have);
            if (n == 0)
                n = -ECONNRESET;
            if (n > 0) {
                have += (size_t)n;
                seen.short_reads += (size_t)n < sizeof back;
            }
        }
        CHECK(n >= 0 || n == -ECONNRESET || n == -EPIPE);
        CHECK(n < 0 || memcmp(text, back, sizeof back) == 0);
        seen.resets += n < 0;
        seen.whole += n >= 0;
        seen.delayed += eddy_time() > before;
        eddy_stream_close(stream);
    }
    eddy_server_close(server);
    CHECK_INT(eddy_unlink(PATH), -ENOENT);
    return 0;
}

static struct eddy_sim_options chance_options(void)
{
    return (struct eddy_sim_options){
        .order = EDDY_SIM_SHUFFLED,
        .link = {.delay_max = 0.5, .short_io = 0.5, .reset = 0.05, .refuse = 0.1}};
}

PLAIN_TEST(seeds_bring_delays_short_transfers_resets_and_refusals_twice_the_same)
{
    memset(&seen, 0, sizeof seen);
    for (uint64_t seed = 1; seed <= 100; seed++) {
        if (!sim_passes(seed, chance_options(), chance_program))
            return;
        uint64_t hash = eddy_sim_report().hash;
        if (!sim_passes(seed, chance_options(), chance_program))
            return;
        EXPECT(eddy_sim_report().hash == hash);
    }
    EXPECT(seen.short_reads && seen.resets && seen.refused && seen.delayed && seen.whole);
}

/* ---- what a test does to them ---- */

static int treatment_program(void)
{
    eddy_server *server;
    eddy_stream *stream;
    char byte;
    CHECK_INT(eddy_serve_unix("@x", chance_server, NULL, NULL, &server), 0);
    CHECK_INT(eddy_sim_set_link("unix", &(struct eddy_sim_link){.cut = true}), 0);
    CHECK_INT(eddy_wait_for(eddy_connect_unix("@x", &stream), 10), -ETIMEDOUT);
    CHECK_INT(eddy_sim_set_link("unix", &(struct eddy_sim_link){.delay_min = 2, .delay_max = 2}),
              0);
    CHECK_INT(eddy_connect_unix("@x", &stream), 0);
    double before = eddy_time();
    char text[100] = "";
    CHECK_INT(eddy_stream_write(stream, text, sizeof text), 100);
    CHECK_INT(eddy_stream_read_exactly(stream, text, sizeof text), 100);
    CHECK(fabs(eddy_time() - before - 4) < 1e-6);
    CHECK_INT(eddy_stream_read(stream, &byte, 1), 0);
    eddy_stream_close(stream);

    CHECK_INT(eddy_connect_unix("@x", &stream), 0);
    CHECK_INT(eddy_sim_half_open("unix"), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "no connection within a system is half open");
    CHECK_INT(eddy_sim_reset("unix"), 1);
    CHECK_INT(eddy_stream_read(stream, &byte, 1), -ECONNRESET);
    eddy_stream_close(stream);
    eddy_server_close(server);
    return 0;
}

PLAIN_TEST(treatment)
{
    passes(treatment_program);
}

/* What isn't simulated says so. */
static int refusals_program(void)
{
    struct mmsghdr message = {.msg_len = 0};
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/tmp/datagrams"};
    int datagrams = CALL(socket, AF_UNIX, SOCK_DGRAM, 0);
    CHECK(datagrams >= 0);
    CHECK_INT(CALL(bind, datagrams, (struct sockaddr *)&name, sizeof name), -EOPNOTSUPP);
    CHECK_INT(CALL(listen, datagrams, 1), -EOPNOTSUPP);
    CHECK_INT(CALL(connect, datagrams, (struct sockaddr *)&name, sizeof name), -ENOENT);
    CHECK_INT(CALL(send_datagrams, datagrams, &message, 1), -EOPNOTSUPP);
    CHECK_INT(CALL(receive_datagrams, datagrams, &message, 1), -EOPNOTSUPP);
    CHECK_INT(CALL(close, datagrams), 0);
    CHECK_INT(CALL(socket, AF_UNIX, SOCK_SEQPACKET, 0), -ESOCKTNOSUPPORT);
    CHECK_INT(CALL(socket, AF_UNIX, SOCK_STREAM, 6), -EPROTONOSUPPORT);
    CHECK_INT(CALL(socket, AF_NETLINK, SOCK_STREAM, 0), -EAFNOSUPPORT);
    return 0;
}

PLAIN_TEST(refusals)
{
    passes(refusals_program);
}
