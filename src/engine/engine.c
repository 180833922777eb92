/* SPDX-License-Identifier: MIT */
/*
 * Which engine: the one that was named, or the best that this machine lets us have.
 *
 * io_uring is often there and refused: container runtimes block it, some distributions switch it
 * off. That is no error. epoll takes over, and `why` says what happened.
 *
 * Valgrind doesn't know that io_uring_enter(2) waits: no other thread runs meanwhile, so that a
 * loop that waits for one of its pool's threads would never hear of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "engine/engine.h"
#include "sanitizer.h"

#ifndef EDDY_HAVE_URING
int engine_uring_create(struct engine **ret_engine, char *why, size_t why_size)
{
    (void)ret_engine;
    (void)snprintf(why, why_size, "built without liburing");
    return -ENOTSUP;
}
#endif

/* A program may have been started without one of its standard descriptors. A socket of ours under
 * such a number would be sent whatever is printed. So these numbers are taken: all use of what is
 * there fails with EBADF, as before; a child that is executed is without it, too. */
static void hold_standard_numbers(void)
{
    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++) {
        int held = fcntl(i, F_GETFD) < 0 ? open("/", O_PATH | O_CLOEXEC) : -1;
        if (held > STDERR_FILENO) /* another thread was quicker */
            (void)close(held);
    }
}

int engine_create(const char *name, struct engine **ret_engine, char *why, size_t why_size)
{
    if (why_size > 0)
        why[0] = '\0';
    hold_standard_numbers();
    bool any = !name || !*name;
    if (!any && strcmp(name, "epoll") == 0)
        return engine_epoll_create(ret_engine);
    if (!any && strcmp(name, "uring") != 0) {
        (void)snprintf(why, why_size, "unknown engine '%s': epoll or uring", name);
        return -EINVAL;
    }
    if (any && sanitizer_is_valgrind()) {
        (void)snprintf(why, why_size, "valgrind stops all threads while the ring is waited for");
        return engine_epoll_create(ret_engine);
    }
    int r = engine_uring_create(ret_engine, why, why_size);
    if (r == 0)
        return 0;
    if (why_size > 0 && !why[0]) {
        char text[64];
        (void)snprintf(why, why_size, "uring engine: %s", strerror_r(-r, text, sizeof text));
    }
    return engine_epoll_create(ret_engine);
}
