/* SPDX-License-Identifier: MIT */
/*
 * Datagrams that have no room to be sent, which a real system hardly ever says: here it says so as
 * long as it is told to. Turns, closing, cancels.
 */
#include <eddy/sweep.h>
#include <limits.h>
#include <string.h>
#include "datagram.h"
#include "support/test.h"
#include "test/session.h"

static struct {
    const struct engine_vtable *real;
    struct engine_vtable table;
    int refusals; /* still to come */
} full;

static int refuse_some(struct engine *engine, int descriptor, struct mmsghdr *messages,
                       unsigned count)
{
    if (full.refusals > 0) {
        full.refusals--;
        return -EAGAIN;
    }
    return full.real->send_datagrams(engine, descriptor, messages, count > 2 ? 2 : count);
}

/* The loop's system from now on. */
static void full_begin(int refusals)
{
    struct engine *engine = loop_self->engine;
    full.real = engine->call;
    full.table = *engine->call;
    full.table.send_datagrams = refuse_some;
    full.refusals = refusals;
    engine->call = &full.table;
}

static void full_end(void)
{
    loop_self->engine->call = full.real;
}

/* Two sockets, the first one connected to the second; or a negative errno. */
static int open_two(eddy_datagram **sender, eddy_datagram **receiver)
{
    struct eddy_address address;
    int r = eddy_datagram_open("127.0.0.1", 0, NULL, receiver);
    if (r < 0)
        return r;
    r = eddy_datagram_local(*receiver, &address);
    if (r == 0)
        r = eddy_datagram_connect("127.0.0.1", eddy_address_port(&address), NULL, sender);
    if (r < 0)
        eddy_datagram_close(*receiver);
    return r;
}

/* As an engine tells of room. */
static void give_room(eddy_datagram *socket)
{
    full.refusals = 0;
    datagram_edge(&socket->watch, READY_WRITE);
}

struct letter {
    eddy_datagram *socket;
    char letter;
    char *sent; /* the letters, in their order */
};
static int send_letter(struct letter *a)
{
    ssize_t n = eddy_datagram_send(a->socket, &a->letter, 1);
    if (n < 0)
        return (int)n;
    a->sent[strlen(a->sent)] = a->letter;
    return 0;
}

static int receive_letters(eddy_datagram *socket, const char *expected)
{
    for (const char *next = expected; *next; next++) {
        char letter = '\0';
        CHECK_INT(eddy_datagram_receive(socket, &letter, 1, NULL), 1);
        CHECK_INT(letter, *next);
    }
    return 0;
}

/* Once refused it waits, and the first edge of a new watch is that of a socket with room. */
ORDERED_TEST(rule_209_sends_wait_for_room_in_their_turn)
{
    eddy_datagram *sender, *receiver;
    char sent[6] = "";
    int err;
    CHECK_INT(open_two(&sender, &receiver), 0);
    full_begin(1);
    eddy_with_group (g, &err) {
        for (char letter = 'a'; letter <= 'e'; letter++)
            eddy_spawn_as(g, send_letter, struct letter, .socket = sender, .letter = letter,
                          .sent = sent);
    }
    full_end();
    CHECK_INT(err, 0);
    CHECK_TEXT(sent, "abcde");
    CHECK_INT(full.refusals, 0);
    CHECK_INT(receive_letters(receiver, "abcde"), 0);
    eddy_datagram_close(sender);
    eddy_datagram_close(receiver);
    return 0;
}

ORDERED_TEST(a_batch_goes_on_where_there_is_room_again)
{
    char text[] = "abcde";
    struct eddy_datagram_message messages[5];
    eddy_datagram *sender, *receiver;
    CHECK_INT(open_two(&sender, &receiver), 0);
    for (int i = 0; i < 5; i++)
        messages[i] = (struct eddy_datagram_message){.data = &text[i], .size = 1};
    full_begin(1);
    CHECK_INT(eddy_datagram_send_many(sender, messages, 5), 5); /* two in a call */
    full_end();
    CHECK_INT(receive_letters(receiver, text), 0);
    eddy_datagram_close(sender);
    eddy_datagram_close(receiver);
    return 0;
}

struct give_up {
    eddy_datagram *socket;
};
static int give_up(struct give_up *a)
{
    EXPECT_INT(eddy_datagram_send(a->socket, "x", 1), -ECONNABORTED);
    return 0;
}

TEST(closing_wakes_who_waits_to_send)
{
    eddy_datagram *sender, *receiver;
    int err;
    CHECK_INT(open_two(&sender, &receiver), 0);
    full_begin(INT_MAX);
    eddy_with_group (g, &err) {
        for (int i = 0; i < 3; i++)
            eddy_spawn(g, give_up, .socket = sender);
        CHECK_INT(eddy_sleep(1), 0);
        eddy_datagram_close(sender);
    }
    full_end();
    CHECK_INT(err, 0);
    eddy_datagram_close(receiver);
    return 0;
}

TEST(a_cancelled_send_has_sent_nothing)
{
    eddy_datagram *sender, *receiver;
    char letter;
    CHECK_INT(open_two(&sender, &receiver), 0);
    full_begin(INT_MAX);
    CHECK_INT(eddy_wait_for((int)eddy_datagram_send(sender, "a", 1), 1.0), -ETIMEDOUT);
    give_room(sender);
    CHECK_INT(eddy_datagram_send(sender, "b", 1), 1); /* and the turn is free */
    full_end();
    CHECK_INT(eddy_datagram_receive(receiver, &letter, 1, NULL), 1);
    CHECK_INT(letter, 'b');
    CHECK_INT(eddy_wait_for((int)eddy_datagram_receive(receiver, &letter, 1, NULL), 1.0),
              -ETIMEDOUT);
    eddy_datagram_close(sender);
    eddy_datagram_close(receiver);
    return 0;
}

/* ---- cancels ---- */

static char told[4];
static size_t heard;

/* What is there by now: nothing of it is under way. */
static void hear_all(eddy_datagram *receiver)
{
    char letter;
    eddy_with_timeout (0, NULL) {
        while (eddy_datagram_receive(receiver, &letter, 1, NULL) == 1)
            heard++;
    }
}

static int tell_three(void)
{
    eddy_datagram *sender, *receiver;
    int err, r = open_two(&sender, &receiver);
    if (r < 0)
        return r;
    memset(told, 0, sizeof told);
    heard = 0;
    full_begin(1);
    eddy_with_group (g, &err) {
        for (int i = 0; i < 3; i++)
            eddy_spawn_as(g, send_letter, struct letter, .socket = sender, .letter = 'x',
                          .sent = told);
    }
    full_end();
    hear_all(receiver);
    eddy_datagram_close(sender);
    eddy_datagram_close(receiver);
    return err;
}

/* Who was told that it was sent is heard, and nobody else. */
static int all_heard(void)
{
    return strlen(told) == heard ? 0 : -ENODATA;
}

PLAIN_TEST(sends_that_wait_swept)
{
    struct eddy_sweep_result result = {.points = 0};
    const struct eddy_sweep_options sweep = {
        .scenario = tell_three, .check = all_heard, .real = !(session_self && session_self->sim)};
    EXPECT_INT(eddy_sweep(&sweep, &result), 0);
    EXPECT(result.points >= 3);
}
