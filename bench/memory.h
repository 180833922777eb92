/* SPDX-License-Identifier: MIT
 *
 * What a process occupies: resident pages and the page tables that map them.
 */
#ifndef EDDY_BENCH_MEMORY_H
#define EDDY_BENCH_MEMORY_H

#include <stddef.h>
#include <sys/types.h>

struct sample;

struct memory_use {
    long resident_kib;
    long page_tables_kib;
};

/* 0, or a negative errno where /proc is missing. */
int memory_use_read(struct memory_use *ret_use);
int memory_use_read_of(pid_t process, struct memory_use *ret_use);

/* The growth from `before` to `after`, as a sample over `count` tasks or connections. */
void memory_use_sample(const struct memory_use *before, const struct memory_use *after,
                       size_t count, struct sample *ret_sample);

#endif
