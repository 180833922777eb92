/* SPDX-License-Identifier: MIT */
/* Datagrams: boundaries, errors, turns, many at a time, cancels that lose nothing, bad links. */
#include <eddy/sim.h>
#include "datagram_sockets.h"
#include "loop.h"

/* ---- one at a time ---- */

ORDERED_TEST(rule_209_boundaries_are_kept_and_empty_ones_are_sent)
{
    struct eddy_address a_address, b_address, from;
    eddy_datagram *a = open_socket(&a_address), *b = open_socket(&b_address);
    char buffer[64];
    CHECK_INT(eddy_datagram_send_to(a, "one", 3, &b_address), 3);
    CHECK_INT(eddy_datagram_send_to(a, "", 0, &b_address), 0);
    CHECK_INT(eddy_datagram_send_to(a, NULL, 0, &b_address), 0);
    CHECK_INT(eddy_datagram_send_to(a, "two and more", 12, &b_address), 12);
    CHECK_INT(eddy_datagram_receive(b, buffer, sizeof buffer, &from), 3);
    CHECK(memcmp(buffer, "one", 3) == 0);
    CHECK(eddy_address_equal(&from, &a_address));
    CHECK_INT(eddy_datagram_receive(b, buffer, sizeof buffer, NULL), 0);
    CHECK_INT(eddy_datagram_receive(b, NULL, 0, &from), 0);
    CHECK(eddy_address_equal(&from, &a_address));
    CHECK_INT(eddy_datagram_receive(b, buffer, sizeof buffer, NULL), 12);
    eddy_datagram_close(a);
    eddy_datagram_close(b);
    return 0;
}

ORDERED_TEST(one_that_is_larger_than_the_buffer_says_so)
{
    struct eddy_address address;
    eddy_datagram *a = open_socket(&address), *b = connected_to(&address);
    char buffer[4];
    CHECK_INT(eddy_datagram_send(b, "hello, world", 12), 12);
    CHECK_INT(eddy_datagram_send(b, "next", 4), 4);
    CHECK_INT(eddy_datagram_receive(a, buffer, sizeof buffer, NULL), -EMSGSIZE);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "a datagram of 12 bytes, and room for 4");
    CHECK(memcmp(buffer, "hell", 4) == 0);
    CHECK_INT(eddy_datagram_receive(a, buffer, sizeof buffer, NULL), 4);
    CHECK(memcmp(buffer, "next", 4) == 0);
    CHECK_INT(eddy_datagram_send(b, "first", 5), 5); /* by one byte */
    CHECK_INT(eddy_datagram_receive(a, buffer, sizeof buffer, NULL), -EMSGSIZE);
    static char large[EDDY_DATAGRAM_MAX + 1];
    CHECK_INT(eddy_datagram_send(b, large, sizeof large), -EMSGSIZE);
    char name[64], message[128];
    CHECK(eddy_address_text(&address, name, sizeof name) > 0);
    (void)snprintf(message, sizeof message, "sending a datagram to %s failed: Message too long",
                   name);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), message);
    CHECK_INT(eddy_datagram_send_to(a, large, sizeof large, &address), -EMSGSIZE);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), message);
    CHECK_INT(eddy_datagram_send(b, "still", 4), 4); /* an error concerns one call */
    eddy_datagram_close(a);
    eddy_datagram_close(b);
    return 0;
}

TEST(rule_209_that_nobody_listens_is_told_to_the_next_call)
{
    struct eddy_address address, other;
    eddy_datagram *gone = open_socket(&address);
    eddy_datagram *a = connected_to(&address);
    char buffer[8];
    eddy_datagram_close(gone);
    CHECK_INT(eddy_datagram_send(a, "x", 1), 1); /* nobody knows yet */
    CHECK_INT(eddy_datagram_receive(a, buffer, sizeof buffer, NULL), -ECONNREFUSED);
    char name[64], message[128];
    CHECK(eddy_address_text(&address, name, sizeof name) > 0);
    (void)snprintf(message, sizeof message,
                   "receiving a datagram from %s failed: Connection refused", name);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), message);
    eddy_datagram *back = NULL;
    CHECK_INT(eddy_datagram_open("127.0.0.1", eddy_address_port(&address), NULL, &back), 0);
    CHECK_INT(eddy_datagram_local(a, &other), 0);
    CHECK_INT(eddy_datagram_send_to(back, "again", 5, &other), 5);
    CHECK_INT(eddy_datagram_receive(a, buffer, sizeof buffer, NULL), 5); /* the socket goes on */
    eddy_datagram_close(back);
    eddy_datagram_close(a);
    return 0;
}

TEST(a_connected_socket_hears_its_peer_alone)
{
    struct eddy_address address, mine, from;
    eddy_datagram *peer = open_socket(&address), *stranger = open_socket(NULL);
    eddy_datagram *a = connected_to(&address);
    char buffer[16];
    int err;
    CHECK_INT(eddy_datagram_local(a, &mine), 0);
    CHECK_INT(eddy_datagram_send_to(stranger, "stranger", 8, &mine), 8);
    CHECK_INT(eddy_datagram_send_to(peer, "peer", 4, &mine), 4);
    CHECK_INT(eddy_datagram_receive(a, buffer, sizeof buffer, &from), 4);
    CHECK(eddy_address_equal(&from, &address));
    CHECK_INT(eddy_datagram_send(stranger, "x", 1), -EDESTADDRREQ);
    eddy_with_timeout (1, &err) {
        CHECK_INT(eddy_datagram_receive(a, buffer, sizeof buffer, NULL), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    eddy_datagram_close(a);
    eddy_datagram_close(peer);
    eddy_datagram_close(stranger);
    return 0;
}

/* ---- many at a time ---- */

enum { MANY = 100 };

ORDERED_TEST(each_of_a_batch_has_its_own_sender)
{
    struct eddy_address address, senders[2];
    eddy_datagram *socket = open_socket(&address);
    eddy_datagram *one = open_socket(&senders[0]), *two = open_socket(&senders[1]);
    char rooms[2][8];
    struct eddy_datagram_message in[2] = {{.data = rooms[0], .capacity = 8},
                                          {.data = rooms[1], .capacity = 8}};
    CHECK_INT(eddy_datagram_send_to(one, "one", 3, &address), 3);
    CHECK_INT(eddy_datagram_send_to(two, "two", 3, &address), 3);
    ssize_t n = eddy_datagram_receive_many(socket, in, 2);
    if (n == 1)
        n += eddy_datagram_receive_many(socket, in + 1, 1);
    CHECK_INT(n, 2);
    for (int i = 0; i < 2; i++)
        CHECK(eddy_address_equal(&in[i].address, &senders[i]));
    eddy_datagram_close(one);
    eddy_datagram_close(two);
    eddy_datagram_close(socket);
    return 0;
}

ORDERED_TEST(many_are_sent_and_received_with_few_calls)
{
    struct eddy_address address;
    eddy_datagram *a = open_socket(&address), *b = connected_to(&address);
    char texts[MANY][8], rooms[MANY][8];
    struct eddy_datagram_message out[MANY], in[MANY];
    for (int i = 0; i < MANY; i++) {
        int size = snprintf(texts[i], sizeof texts[i], "%d", i);
        out[i] = (struct eddy_datagram_message){.data = texts[i], .size = (size_t)size};
        in[i] = (struct eddy_datagram_message){.data = rooms[i], .capacity = i % 2 ? 8 : 1};
    }
    CHECK_INT(eddy_datagram_send_many(b, out, MANY), MANY);
    for (int done = 0; done < MANY;) {
        ssize_t n = eddy_datagram_receive_many(a, in, (size_t)(MANY - done));
        CHECK(n > 0);
        for (ssize_t i = 0; i < n; i++, done++) {
            CHECK(eddy_address_port(&in[i].address) > 0);
            CHECK_INT(in[i].truncated, out[done].size > in[i].capacity);
            CHECK_INT(in[i].size, in[i].truncated ? in[i].capacity : out[done].size);
            CHECK(memcmp(in[i].data, out[done].data, in[i].size) == 0);
        }
    }
    /* Wherever one can't be sent it stops. */
    static char large[EDDY_DATAGRAM_MAX + 1];
    out[3].data = large;
    out[3].size = sizeof large;
    CHECK_INT(eddy_datagram_send_many(b, out, MANY), 3);
    CHECK_INT(eddy_datagram_send_many(b, out + 3, 1), -EMSGSIZE);
    CHECK_INT(eddy_datagram_send_many(b, out, 0), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_datagram_send_many: no messages");
    CHECK_INT(eddy_datagram_receive_many(b, NULL, 5), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the messages are NULL");
    eddy_datagram_close(a);
    eddy_datagram_close(b);
    return 0;
}

/* ---- several tasks ---- */

struct receive {
    eddy_datagram *socket;
    int expected;
};

static int receive(struct receive *a)
{
    char buffer[8] = "";
    ssize_t n = eddy_datagram_receive(a->socket, buffer, sizeof buffer - 1, NULL);
    if (n < 0)
        return (int)n;
    return buffer[0] - '0' == a->expected ? 0 : eddy_fail(-EBADMSG, "%s", buffer);
}

ORDERED_TEST(who_came_first_receives_first)
{
    struct eddy_address address;
    eddy_datagram *a = open_socket(&address), *b = connected_to(&address);
    int err;
    eddy_with_group (g, &err) {
        for (int i = 0; i < 5; i++)
            eddy_spawn(g, receive, .socket = a, .expected = i);
        CHECK_INT(eddy_sleep(1), 0);
        for (int i = 0; i < 5; i++) {
            char digit = (char)('0' + i);
            CHECK_INT(eddy_datagram_send(b, &digit, 1), 1);
        }
    }
    CHECK_INT(err, 0);
    eddy_datagram_close(a);
    eddy_datagram_close(b);
    return 0;
}

struct received {
    eddy_datagram *socket;
    ssize_t *result;
};
static int received(struct received *a)
{
    char c;
    *a->result = eddy_datagram_receive(a->socket, &c, 1, NULL);
    return 0;
}

TEST(closing_wakes_all_who_wait)
{
    eddy_datagram *a = open_socket(NULL);
    ssize_t results[3] = {0};
    int err;
    eddy_with_group (g, &err) {
        for (int i = 0; i < 3; i++)
            eddy_spawn(g, received, .socket = a, .result = &results[i]);
        CHECK_INT(eddy_sleep(1), 0);
        eddy_datagram_close(a);
        eddy_datagram_close(a); /* it is known as long as they are in it */
        CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_datagram_close: the socket is closed already");
    }
    CHECK_INT(err, 0);
    for (int i = 0; i < 3; i++)
        CHECK_INT(results[i], -ECONNABORTED);
    return 0;
}

struct count_all {
    eddy_datagram *socket;
    int *count;
};
static int count_all(struct count_all *a)
{
    char c;
    ssize_t n;
    while ((n = eddy_datagram_receive(a->socket, &c, 1, NULL)) >= 0)
        ++*a->count;
    return (int)n;
}

TEST(a_cancel_takes_nothing)
{
    struct eddy_address address;
    eddy_datagram *a = open_socket(&address), *b = connected_to(&address);
    int count = 0, err;
    for (int round = 0; round < 20; round++) {
        eddy_task *task = eddy_create_task(count_all, .socket = a, .count = &count);
        for (int i = 0; i < round % 4; i++)
            turns(1);
        CHECK_INT(eddy_datagram_send(b, "x", 1), 1);
        for (int i = 0; i < round % 3; i++)
            turns(1);
        CHECK(eddy_task_cancel(task));
        CHECK_INT(eddy_await(task), -ECANCELED);
        CHECK_INT(eddy_task_release(task), 0);
    }
    eddy_with_timeout (1, &err) {
        CHECK_INT(count_all(&(struct count_all){.socket = a, .count = &count}), -ECANCELED);
    }
    CHECK_INT(count, 20);
    eddy_datagram_close(a);
    eddy_datagram_close(b);
    return 0;
}

TEST(what_need_not_wait_works_in_a_cancelled_scope)
{
    struct eddy_address address;
    eddy_datagram *a = open_socket(&address), *b = connected_to(&address);
    char c;
    int err;
    eddy_with_timeout (1, &err) {
        CHECK_INT(eddy_sleep(2), -ECANCELED);
        CHECK_INT(eddy_datagram_send(b, "x", 1), 1);
        CHECK_INT(eddy_datagram_receive(b, &c, 1, NULL), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(eddy_datagram_receive(a, &c, 1, NULL), 1);
    eddy_datagram_close(a);
    eddy_datagram_close(b);
    return 0;
}

/* ---- a router's word ---- */

static struct {
    const struct engine_vtable *real;
    struct engine_vtable table;
    bool said;
} router;

static int receive_told(struct engine *engine, int descriptor, struct mmsghdr *messages,
                        unsigned count)
{
    bool first = !router.said;
    router.said = true;
    return first ? -EMSGSIZE : router.real->receive_datagrams(engine, descriptor, messages, count);
}

static int send_told(struct engine *engine, int descriptor, struct mmsghdr *messages,
                     unsigned count)
{
    bool first = !router.said;
    router.said = true;
    return first ? -EMSGSIZE : router.real->send_datagrams(engine, descriptor, messages, count);
}

/* As Linux says it to who calls next (ICMP: fragmentation needed). */
TEST(that_an_earlier_one_was_too_large_for_its_way_is_not_said_of_the_next_one)
{
    struct engine *engine = eddy_current_loop()->engine;
    struct eddy_address address;
    eddy_datagram *a = open_socket(&address), *b = connected_to(&address);
    static char large[EDDY_DATAGRAM_MAX + 1];
    char c;
    router.real = engine->call;
    router.table = *engine->call;
    router.table.receive_datagrams = receive_told;
    router.table.send_datagrams = send_told;
    engine->call = &router.table;
    router.said = false;
    CHECK_INT(eddy_datagram_send(b, "x", 1), 1);
    CHECK(router.said);
    router.said = false;
    CHECK_INT(eddy_datagram_receive(a, &c, 1, NULL), 1);
    CHECK(router.said);
    router.said = false;
    CHECK_INT(eddy_datagram_send(b, large, sizeof large), -EMSGSIZE);
    engine->call = router.real;
    eddy_datagram_close(a);
    eddy_datagram_close(b);
    return 0;
}

/* ---- bad links ---- */

/* Sends 200 over that link: how many arrive, how many of them after a later one. */
struct trip {
    int arrived, overtaken, doubled;
};

static struct trip travel(const struct eddy_sim_link *link)
{
    struct trip trip = {0};
    struct eddy_address address;
    eddy_datagram *a = NULL, *b = NULL;
    int err, number, last = -1;
    bool seen[200] = {false};
    EXPECT_INT(eddy_datagram_open("10.0.0.1", 0, NULL, &a), 0);
    EXPECT_INT(eddy_sim_set_link("10.0.0.1", link), 0);
    EXPECT_INT(eddy_datagram_local(a, &address), 0);
    EXPECT_INT(eddy_datagram_connect("10.0.0.1", eddy_address_port(&address), NULL, &b), 0);
    for (int i = 0; i < 200; i++)
        EXPECT_INT(eddy_datagram_send(b, &i, sizeof i), sizeof i);
    EXPECT_INT(eddy_sleep(2), 0); /* all that arrive have done so */
    eddy_with_timeout (10, &err) {
        while (eddy_datagram_receive(a, &number, sizeof number, NULL) == sizeof number) {
            trip.arrived++;
            trip.overtaken += number < last;
            trip.doubled += seen[number];
            seen[number] = true;
            last = number > last ? number : last;
        }
    }
    eddy_datagram_close(a);
    eddy_datagram_close(b);
    return trip;
}

ORDERED_TEST(simulated_links_lose_double_and_reorder)
{
    if (!eddy_sim_active())
        return 0;
    struct trip trip = travel(&(struct eddy_sim_link){.buffer = 0});
    CHECK_INT(trip.arrived, 200);
    CHECK_INT(trip.overtaken + trip.doubled, 0);
    trip = travel(&(struct eddy_sim_link){.loss = 0.5});
    CHECK(trip.arrived > 50 && trip.arrived < 150);
    trip = travel(&(struct eddy_sim_link){.duplicate = 0.5});
    CHECK(trip.doubled > 50 && trip.arrived == 200 + trip.doubled);
    trip = travel(&(struct eddy_sim_link){.delay_max = 1});
    CHECK(trip.overtaken > 50 && trip.arrived == 200);
    trip = travel(&(struct eddy_sim_link){.buffer = 50 * (64 + sizeof(int))});
    CHECK_INT(trip.arrived, 50); /* nobody received meanwhile: the others found no room */
    trip = travel(&(struct eddy_sim_link){.cut = true});
    CHECK_INT(trip.arrived, 0);
    trip = travel(&(struct eddy_sim_link){.black_hole = true});
    CHECK_INT(trip.arrived, 0);
    const struct eddy_sim_link wrong = {.loss = 2};
    CHECK_INT(eddy_sim_set_link("10.0.0.1", &wrong), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "for the loss and the doubling of a datagram");
    return 0;
}
