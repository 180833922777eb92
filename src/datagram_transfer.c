/* SPDX-License-Identifier: MIT */
/*
 * Datagrams: receiving and sending. The idea is in datagram.h.
 */
#include "datagram.h"

#include <errno.h>
#include <string.h>
#include "log.h"

/* Datagrams in one system call. */
#define BATCH_MOST 32

/* ---- edges and waits ---- */

void datagram_side_wake(struct datagram_side *side)
{
    struct wait *wait = side->wait;
    side->wait = NULL;
    if (wait)
        wait_finish(wait, 0);
}

void datagram_edge(struct watch *watch, unsigned what)
{
    static const unsigned ready_of[2] = {
        [DATAGRAM_RECEIVE] = READY_READ, [DATAGRAM_SEND] = READY_WRITE};
    struct eddy_datagram *datagram = container_of(watch, struct eddy_datagram, watch);
    for (enum datagram_direction direction = DATAGRAM_RECEIVE; direction <= DATAGRAM_SEND;
         direction++) {
        if (!(what & ready_of[direction]))
            continue;
        datagram->sides[direction].ready = true;
        datagram_side_wake(&datagram->sides[direction]);
    }
}

struct datagram_wait {
    struct wait wait;
    struct datagram_side *side;
};

static bool datagram_wait_abort(struct wait *wait)
{
    container_of(wait, struct datagram_wait, wait)->side->wait = NULL;
    return true;
}

static int datagram_watch(struct eddy_datagram *datagram)
{
    struct engine *engine = datagram->loop->engine;
    if (datagram->watching)
        return 0;
    int r = engine->call->watch(engine, &datagram->watch);
    if (r < 0)
        return eddy_fail(r, "descriptor %d can't be watched: %s", datagram->watch.descriptor,
                         strerror(-r));
    datagram->watching = true;
    datagram->loop->watched++;
    return 0;
}

static int fail_closed(void)
{
    return eddy_fail(-ECONNABORTED, "the socket was closed by another task meanwhile");
}

static int wait_for_edge(struct eddy_datagram *datagram, enum datagram_direction direction)
{
    struct datagram_wait waiting = {.side = &datagram->sides[direction]};
    int r = wait_begin(&waiting.wait,
                       direction == DATAGRAM_RECEIVE ? "a datagram" : "room to send a datagram",
                       datagram_wait_abort);
    if (r == 0)
        r = datagram_watch(datagram);
    if (r < 0)
        return r;
    waiting.side->wait = &waiting.wait;
    r = wait_park(&waiting.wait);
    datagram->streak = 0;
    return r;
}

/* ---- calls ---- */

/* Until it has its turn: 0 and a reference held until leave(), else the error to return. */
static int enter(struct eddy_datagram *datagram, enum datagram_direction direction,
                 const char *call)
{
    if (!datagram)
        return log_misuse(-EINVAL, call, "the socket is NULL");
    if (!task_current())
        return task_missing(call);
    if (!datagram_is_home(datagram))
        return log_misuse(-EINVAL, call, "the socket belongs to another loop");
    if (datagram->closed)
        return log_misuse(-EINVAL, call, "the socket is closed");
    datagram->references++;
    int r = eddy_lock_acquire(&datagram->sides[direction].lock);
    if (r < 0)
        datagram_release(datagram);
    return r;
}

static void leave(struct eddy_datagram *datagram, enum datagram_direction direction)
{
    eddy_lock_release(&datagram->sides[direction].lock);
    datagram_release(datagram);
}

static int try_now(struct eddy_datagram *datagram, enum datagram_direction direction,
                   struct mmsghdr *messages, unsigned count)
{
    struct engine *engine = datagram->loop->engine;
    return direction == DATAGRAM_RECEIVE
               ? engine->call->receive_datagrams(engine, datagram->watch.descriptor, messages,
                                                 count)
               : engine->call->send_datagrams(engine, datagram->watch.descriptor, messages, count);
}

/* With the turn: one or more of them. How many, or a negative errno. That one is too large is asked
 * twice: the first time it may be a router's word on an earlier one, which the system takes to
 * heart for those that follow. */
static int transfer(struct eddy_datagram *datagram, enum datagram_direction direction,
                    struct mmsghdr *messages, unsigned count)
{
    struct datagram_side *side = &datagram->sides[direction];
    bool asked = false;
    int r = task_pace(&datagram->streak);
    if (r < 0)
        return r;
    for (;;) {
        if (datagram->closed)
            return fail_closed();
        r = side->ready ? try_now(datagram, direction, messages, count) : -EAGAIN;
        if (r == -EMSGSIZE && !asked) {
            asked = true;
            continue;
        }
        if (r != -EAGAIN)
            return r;
        side->ready = false;
        r = wait_for_edge(datagram, direction);
        if (r < 0)
            return r;
    }
}

static int check_memory(const char *call, const void *data, size_t size)
{
    if (!data && size)
        return log_misuse(-EINVAL, call, "the memory for the datagram is NULL");
    return 0;
}

/* ---- receiving ---- */

/* What the system writes into, for one datagram. */
struct arrival {
    struct iovec piece;
    struct sockaddr_storage from;
};

static void arrival_init(struct arrival *arrival, struct mmsghdr *message, void *data, size_t size)
{
    arrival->piece = (struct iovec){data, size};
    *message = (struct mmsghdr){.msg_hdr = {.msg_name = &arrival->from,
                                            .msg_namelen = sizeof arrival->from,
                                            .msg_iov = &arrival->piece,
                                            .msg_iovlen = 1}};
}

static void arrival_sender(const struct arrival *arrival, const struct mmsghdr *message,
                           struct eddy_address *ret_from)
{
    struct address from = {.size = 0};
    (void)address_from((const struct sockaddr *)&arrival->from, message->msg_hdr.msg_namelen,
                       &from);
    datagram_address_out(&from, ret_from);
}

/* With the turn. Names the other side where there is one: `to`, or the connected peer. */
static int fail_transfer(struct eddy_datagram *datagram, enum datagram_direction direction,
                         int code, const struct address *to)
{
    struct engine *engine = datagram->loop->engine;
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    char name[ADDRESS_TEXT_SIZE] = "";
    if (code == -ECANCELED || code == -ECONNABORTED)
        return code;
    if (to && to->size)
        (void)address_text(to, name, sizeof name);
    else if (datagram->connected &&
             engine->call->peer_address(engine, datagram->watch.descriptor,
                                        (struct sockaddr *)&peer, &size) == 0)
        (void)address_text_any((struct sockaddr *)&peer, size, name, sizeof name);
    bool sends = direction == DATAGRAM_SEND;
    return eddy_fail(code, "%s a datagram%s%s failed: %s", sends ? "sending" : "receiving",
                     !name[0] ? ""
                     : sends  ? " to "
                              : " from ",
                     name, strerror(-code));
}

ssize_t eddy_datagram_receive(eddy_datagram *datagram, void *buffer, size_t size,
                              struct eddy_address *ret_from)
{
    const char *call = "eddy_datagram_receive";
    struct arrival arrival;
    struct mmsghdr message;
    int r = check_memory(call, buffer, size);
    if (r == 0)
        r = enter(datagram, DATAGRAM_RECEIVE, call);
    if (r < 0)
        return r;
    arrival_init(&arrival, &message, buffer, size);
    r = transfer(datagram, DATAGRAM_RECEIVE, &message, 1);
    if (r < 0)
        r = fail_transfer(datagram, DATAGRAM_RECEIVE, r, NULL);
    leave(datagram, DATAGRAM_RECEIVE);
    if (r < 0)
        return r;
    if (ret_from)
        arrival_sender(&arrival, &message, ret_from);
    if (message.msg_len > size)
        return eddy_fail(-EMSGSIZE, "a datagram of %u bytes, and room for %zu", message.msg_len,
                         size);
    return (ssize_t)message.msg_len;
}

static int check_messages(const char *call, const struct eddy_datagram_message *messages,
                          size_t count, bool receiving)
{
    int r = 0;
    if (!messages || !count)
        return log_misuse(-EINVAL, call, messages ? "no messages" : "the messages are NULL");
    for (size_t i = 0; i < count && r == 0; i++)
        r = check_memory(call, messages[i].data,
                         receiving ? messages[i].capacity : messages[i].size);
    return r;
}

ssize_t eddy_datagram_receive_many(eddy_datagram *datagram, struct eddy_datagram_message *messages,
                                   size_t count)
{
    const char *call = "eddy_datagram_receive_many";
    struct arrival arrivals[BATCH_MOST];
    struct mmsghdr headers[BATCH_MOST];
    int r = check_messages(call, messages, count, true);
    if (r == 0)
        r = enter(datagram, DATAGRAM_RECEIVE, call);
    if (r < 0)
        return r;
    unsigned most = count < BATCH_MOST ? (unsigned)count : BATCH_MOST;
    for (unsigned i = 0; i < most; i++)
        arrival_init(&arrivals[i], &headers[i], messages[i].data, messages[i].capacity);
    r = transfer(datagram, DATAGRAM_RECEIVE, headers, most);
    if (r < 0)
        r = fail_transfer(datagram, DATAGRAM_RECEIVE, r, NULL);
    leave(datagram, DATAGRAM_RECEIVE);
    for (int i = 0; i < r; i++) {
        struct eddy_datagram_message *message = &messages[i];
        message->truncated = headers[i].msg_len > message->capacity;
        message->size = message->truncated ? message->capacity : headers[i].msg_len;
        arrival_sender(&arrivals[i], &headers[i], &message->address);
    }
    return r;
}

/* ---- sending ---- */

struct departure {
    struct iovec piece;
    struct address to;
};

static void departure_init(struct departure *departure, struct mmsghdr *message,
                           const struct eddy_datagram_message *from)
{
    departure->piece = (struct iovec){from->data, from->size};
    departure->to = datagram_address_in(&from->address);
    *message = (struct mmsghdr){.msg_hdr = {.msg_iov = &departure->piece, .msg_iovlen = 1}};
    if (departure->to.size) {
        message->msg_hdr.msg_name = &departure->to.any;
        message->msg_hdr.msg_namelen = departure->to.size;
    }
}

/* With the turn: all of them, if nothing comes between. How many, or why not even the first. */
static ssize_t send_all(struct eddy_datagram *datagram,
                        const struct eddy_datagram_message *messages, size_t count)
{
    size_t sent = 0;
    while (sent < count) {
        struct departure departures[BATCH_MOST];
        struct mmsghdr headers[BATCH_MOST];
        unsigned most = count - sent < BATCH_MOST ? (unsigned)(count - sent) : BATCH_MOST;
        for (unsigned i = 0; i < most; i++)
            departure_init(&departures[i], &headers[i], &messages[sent + i]);
        int r = transfer(datagram, DATAGRAM_SEND, headers, most);
        if (r < 0)
            return sent ? (ssize_t)sent : r;
        sent += (size_t)r;
    }
    return (ssize_t)sent;
}

static ssize_t send_messages(eddy_datagram *datagram, const struct eddy_datagram_message *messages,
                             size_t count, const char *call)
{
    int r = check_messages(call, messages, count, false);
    if (r == 0)
        r = enter(datagram, DATAGRAM_SEND, call);
    if (r < 0)
        return r;
    ssize_t sent = send_all(datagram, messages, count);
    if (sent < 0) {
        struct address to = datagram_address_in(&messages[0].address);
        sent = fail_transfer(datagram, DATAGRAM_SEND, (int)sent, &to);
    }
    leave(datagram, DATAGRAM_SEND);
    return sent;
}

static ssize_t send_one(eddy_datagram *datagram, const void *data, size_t size,
                        const struct eddy_address *to, const char *call)
{
    struct eddy_datagram_message message = {.data = (void *)(uintptr_t)data, .size = size};
    if (to)
        message.address = *to;
    ssize_t r = send_messages(datagram, &message, 1, call);
    return r < 0 ? r : (ssize_t)size;
}

ssize_t eddy_datagram_send(eddy_datagram *datagram, const void *data, size_t size)
{
    return send_one(datagram, data, size, NULL, "eddy_datagram_send");
}

ssize_t eddy_datagram_send_to(eddy_datagram *datagram, const void *data, size_t size,
                              const struct eddy_address *to)
{
    const char *call = "eddy_datagram_send_to";
    if (!to || !datagram_address_in(to).size)
        return log_misuse(-EINVAL, call, to ? "the address is none" : "the address is NULL");
    return send_one(datagram, data, size, to, call);
}

ssize_t eddy_datagram_send_many(eddy_datagram *datagram,
                                const struct eddy_datagram_message *messages, size_t count)
{
    return send_messages(datagram, messages, count, "eddy_datagram_send_many");
}
