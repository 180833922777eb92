/* SPDX-License-Identifier: MIT
 *
 * The stopwatch a contender puts around the part that counts: wall clock, CPU time, and
 * instructions where perf_event_open works (in most virtual machines it doesn't).
 *
 *     struct stopwatch watch;
 *     stopwatch_start(&watch);
 *     ... the operations ...
 *     stopwatch_stop(&watch, operations, ret_sample);
 */
#ifndef EDDY_BENCH_STOPWATCH_H
#define EDDY_BENCH_STOPWATCH_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct sample;

struct stopwatch {
    clockid_t cpu_clock;
    int instruction_counter; /* -1: there is none */
    double cpu_nanoseconds;
    double nanoseconds;
    double instructions;
};

void stopwatch_start(struct stopwatch *watch);
/* The same for another process, e.g. a server, whose CPU time the kernel knows to the ns. */
int stopwatch_start_on(struct stopwatch *watch, pid_t process);
void stopwatch_stop(struct stopwatch *watch, uint64_t operations, struct sample *ret_sample);
/* Adds to what *sample has of earlier stretches: start and stop cost about a microsecond, so a
 * stretch has to be of some length. */
void stopwatch_stop_adding(struct stopwatch *watch, uint64_t operations, struct sample *sample);

#endif
