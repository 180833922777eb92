/* SPDX-License-Identifier: MIT */
/*
 * Kernel features that are probed, never guessed from a version, and can be masked so that old
 * kernels are tested on new ones: EDDY_MASK=uring,guard-install,... or a kernel,
 * EDDY_MASK=linux-5.10, which masks everything newer.
 */
#ifndef EDDY_SRC_FEATURE_H
#define EDDY_SRC_FEATURE_H

#include <stdbool.h>

enum feature {
    FEATURE_EPOLL_PWAIT2,  /* "epoll-pwait2", Linux 5.11: nanosecond timeouts */
    FEATURE_GUARD_INSTALL, /* "guard-install", Linux 6.13 */
    FEATURE_URING,         /* "uring": the engine as a whole; wants Linux 6.1 features or less */
    FEATURE_URING_DEFER_TASKRUN, /* "uring-defer-taskrun", Linux 6.1 */
    FEATURE_URING_SINGLE_ISSUER, /* "uring-single-issuer", Linux 6.0 */
    FEATURE_URING_COOP_TASKRUN,  /* "uring-coop-taskrun", Linux 5.19 */
    FEATURE_PIDFD,               /* "pidfd", Linux 5.4 (5.3 open, 5.4 wait): in the floor */
    FEATURE_CLOSE_RANGE,         /* "close-range", Linux 5.11 with its flag for close-on-exec */
    FEATURE_COUNT,
};

/* False if the user masked it. Read from $EDDY_MASK once a process; unknown words are reported on
 * stderr with the list of known ones. */
bool feature_allowed(enum feature feature);

/* "uring-defer-taskrun, Linux 6.1", for --help texts and logs. */
const char *feature_name(enum feature feature);

#endif
