/* SPDX-License-Identifier: MIT */
/*
 * All of the small programs that together use the whole runtime. See scenarios_task.h.
 */
#ifndef EDDY_TESTS_SUPPORT_SCENARIOS_H
#define EDDY_TESTS_SUPPORT_SCENARIOS_H

#include "scenarios_file.h"
#include "scenarios_layer.h"
#include "scenarios_pool.h"
#include "scenarios_server.h"
#include "scenarios_stream.h"
#include "scenarios_task.h"
#include "scenarios_wait.h"

/* each(name) for those that run on either system, real(name) for those that need the real one. */
#define EACH_SCENARIO(each, real)                                                                  \
    each(group) each(gather) each(map) each(queue) each(lock) each(semaphore) each(event)          \
        each(future) each(calls) each(timeout) each(shield) each(failure) each(wait)               \
            each(as_completed) each(crowd) each(condition) each(barrier) each(echo) each(server)   \
                each(server_end) each(serve_forever) each(drain) each(datagram)                    \
                    each(datagram_names) each(path) each(lines) each(separators) each(flood)       \
                        each(write_vector) each(splice) each(layer) each(layer_splice)             \
                            each(descriptors) each(descriptors_wait) each(connect)                 \
                                each(connect_unix) each(pipe) real(watch) each(file)               \
                                    each(sendfile) each(thread) each(thread_pool)                  \
                                        each(process_pool)

/* A test for each: survive(name, scenario), which the program has defined before it uses this. */
#define SCENARIO_SURVIVES(name)                                                                    \
    PLAIN_TEST(library_##name)                                                                     \
    {                                                                                              \
        survive(#name, scenario_##name);                                                           \
    }
#define REAL_SCENARIO_SURVIVES(name)                                                               \
    REAL_PLAIN_TEST(library_##name)                                                                \
    {                                                                                              \
        survive(#name, scenario_##name);                                                           \
    }
#define EACH_SCENARIO_SURVIVES() EACH_SCENARIO(SCENARIO_SURVIVES, REAL_SCENARIO_SURVIVES)

#endif
