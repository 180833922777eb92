/* SPDX-License-Identifier: MIT */
/*
 * Between the kernel's events (epoll's and poll's are the same bits) and READY_READ, READY_WRITE.
 */
#ifndef EDDY_SRC_ENGINE_EVENTS_H
#define EDDY_SRC_ENGINE_EVENTS_H

#include <stdint.h>
#include <sys/epoll.h>
#include "engine/engine.h"

/* An error or a hang-up makes both directions ready: the call itself then says what it is. A read
 * ends at the mark of urgent data, as at the end of all data. */
static inline unsigned events_to_ready(uint32_t events)
{
    unsigned what = 0;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP))
        what |= READY_READ;
    if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
        what |= READY_WRITE;
    if (events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP | EPOLLPRI))
        what |= READY_HANGUP;
    return what;
}

static inline uint32_t events_from_ready(unsigned what)
{
    uint32_t events = 0;
    if (what & READY_READ)
        events |= EPOLLIN | EPOLLRDHUP;
    if (what & READY_WRITE)
        events |= EPOLLOUT;
    return events;
}

/* An edge watch's. Not for level ones: urgent data that nobody reads would come again every
 * turn. */
static inline uint32_t events_of_edges(void)
{
    return events_from_ready(READY_READ | READY_WRITE) | EPOLLPRI;
}

#endif
