/* SPDX-License-Identifier: MIT
 *
 * The machine under the benchmark: cores to pin to, limits, a line that describes it, and
 * measuring in a forked child, where a fresh process is part of the question.
 */
#ifndef EDDY_BENCH_MACHINE_H
#define EDDY_BENCH_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

struct sample;

/* Numbers among the cores this process was started on, not the kernel's core numbers. */
enum { MACHINE_SERVER_CORE = 0, MACHINE_CLIENT_CORE = 1 };

/* Call once, before the first machine_pin(): remembers the cores we were given. */
void machine_prepare(void);

/* Moves the calling thread to a core. Where that is refused, or there are too few cores, it says
 * no and the figures are merely noisier. */
bool machine_pin(int core);
bool machine_pinning_works(void);

/* The calling thread may run on all cores again. */
void machine_spread(void);

/* Lifts the soft limit of open descriptors to the hard one; 0, or -EMFILE, told on stderr once, if
 * `wanted` remains out of reach. */
int machine_allow_descriptors(size_t wanted);

void machine_describe(char *text, size_t size);

/* Runs measure(argument, ret_sample) in a forked child; 0, or its negative errno. */
int machine_run_in_child(int (*measure)(void *argument, struct sample *ret_sample), void *argument,
                         struct sample *ret_sample);

#endif
