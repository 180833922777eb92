/* SPDX-License-Identifier: MIT */
/*
 * Datagram sockets from inside.
 *
 *      tasks --> lock, first come first served --> try --> done
 *                                                   |  -EAGAIN
 *                                                   v
 *                                                 parked <--- edge of the one watch
 *
 * Each direction has its lock and one place to park: who has the lock tries, waits for an edge,
 * tries again. `ready` means that trying makes sense: only -EAGAIN makes it false. One call serves
 * single datagrams and many: the engine's takes an array.
 *
 * A call under way holds a reference, so that a socket can be closed while tasks are in it.
 *
 *      datagram.c           addresses, sockets from open to close
 *      datagram_transfer.c  receiving and sending
 *      datagram_group.c     multicast
 */
#ifndef EDDY_SRC_DATAGRAM_H
#define EDDY_SRC_DATAGRAM_H

#include <string.h>
#include "eddy/datagram.h"
#include "eddy/lock.h"
#include "resolve.h"
#include "task.h"

_Static_assert(sizeof(struct eddy_address) == sizeof(struct address), "the one holds the other");

enum datagram_direction {
    DATAGRAM_RECEIVE,
    DATAGRAM_SEND,
};

struct datagram_side {
    eddy_lock lock;
    struct wait *wait; /* of who has the lock and waits for an edge */
    bool ready;
};

struct eddy_datagram {
    struct watch watch;
    struct eddy_loop *loop;
    const void *thread; /* &loop_self of its thread */
    uint8_t loop_id;    /* tells its loop from a later one at the same place */
    bool watching, closed, connected;
    unsigned references; /* the owner's, and one a call under way */
    unsigned streak;
    struct datagram_side sides[2];
};

static inline struct address datagram_address_in(const struct eddy_address *public)
{
    struct address address;
    memcpy(&address, public, sizeof address);
    return address;
}

static inline void datagram_address_out(const struct address *address, struct eddy_address *public)
{
    memcpy(public, address, sizeof *address);
}

/* Its loop runs, and on this thread. */
bool datagram_is_home(const struct eddy_datagram *datagram);

void datagram_release(struct eddy_datagram *datagram);

/* Sets the options for sending to groups: 0 or the error. */
int datagram_group_options(struct engine *engine, int descriptor, int family,
                           const struct eddy_datagram_options *options);

/* The watch's: something may be ready. */
void datagram_edge(struct watch *watch, unsigned what);

/* Wakes who waits for an edge. */
void datagram_side_wake(struct datagram_side *side);

#endif
