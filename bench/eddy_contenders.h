/* SPDX-License-Identifier: MIT
 *
 * The tables of eddy's own contenders: declare each here and name it, with a comma, in
 * EDDY_CONTENDERS. main.c takes them unless it is built with BENCH_FLOORS_ONLY.
 */
#ifndef EDDY_BENCH_EDDY_CONTENDERS_H
#define EDDY_BENCH_EDDY_CONTENDERS_H

#include <eddy.h>

#include "harness.h"

extern const struct contender eddy_switch_contenders[];
extern const struct contender eddy_spawn_contenders[];
extern const struct contender eddy_queue_contenders[];
extern const struct contender eddy_timer_contenders[];
extern const struct contender eddy_wake_contenders[];
extern const struct contender eddy_join_contenders[];
extern const struct contender eddy_post_contenders[];
extern const struct contender eddy_offload_contenders[];
extern const struct contender eddy_memory_contenders[];
extern const struct contender eddy_file_contenders[];
extern const struct contender eddy_echo_contenders[];
extern const struct contender eddy_process_contenders[];
extern const struct contender eddy_sim_contenders[];
extern const struct contender eddy_tls_contenders[];

/* eddy-test isn't built without cmocka. */
#ifdef BENCH_WITHOUT_SIM
#define EDDY_SIM_CONTENDERS
#else
#define EDDY_SIM_CONTENDERS eddy_sim_contenders,
#endif

#ifdef BENCH_WITHOUT_TLS
#define EDDY_TLS_CONTENDERS
#else
#define EDDY_TLS_CONTENDERS eddy_tls_contenders,
#endif

#define EDDY_CONTENDERS                                                                            \
    eddy_switch_contenders, eddy_spawn_contenders, eddy_queue_contenders, eddy_timer_contenders,   \
        eddy_wake_contenders, eddy_join_contenders, eddy_post_contenders, eddy_offload_contenders, \
        eddy_memory_contenders, eddy_file_contenders, eddy_echo_contenders,                        \
        eddy_process_contenders, EDDY_SIM_CONTENDERS EDDY_TLS_CONTENDERS

/* What programs get by default ($EDDY_ENGINE chooses the engine), but Ctrl-C ends the benchmark,
 * failures become a row's text, and a step may take as long as it likes. */
#define EDDY_BENCH_OPTIONS                                                                         \
    ((const struct eddy_options){.keep_sigint = true, .quiet = true, .slow_step = -1})

#endif
