/* SPDX-License-Identifier: MIT
 *
 * The tables of hand-written floors, one a file. main.c lists them, beside eddy's own.
 */
#ifndef EDDY_BENCH_FLOORS_H
#define EDDY_BENCH_FLOORS_H

#include "harness.h"

extern const struct contender floor_switch_contenders[];
extern const struct contender floor_spawn_contenders[];
extern const struct contender floor_queue_contenders[];
extern const struct contender floor_timer_contenders[];
extern const struct contender floor_wake_contenders[];
extern const struct contender floor_join_contenders[];
extern const struct contender floor_post_contenders[];
extern const struct contender floor_offload_contenders[];
extern const struct contender floor_process_contenders[];
extern const struct contender floor_sim_contenders[];
extern const struct contender floor_memory_contenders[];
extern const struct contender floor_file_contenders[];
extern const struct contender floor_echo_epoll_contenders[];
extern const struct contender floor_idle_contenders[];
#ifndef BENCH_WITHOUT_TLS
extern const struct contender floor_tls_contenders[];
#endif
#ifndef BENCH_WITHOUT_URING
extern const struct contender floor_echo_uring_contenders[];
#endif

#endif
