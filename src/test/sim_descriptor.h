/* SPDX-License-Identifier: MIT */
/*
 * Numbers of a simulated system's sockets, ends of pipes and open files.
 *
 * They begin far above what a process has open in earnest, so that one is never taken for the
 * other; and the smallest that is free is given out next, as a system does it: a program that uses
 * a number after it closed it meets a stranger here, too.
 */
#ifndef EDDY_SRC_TEST_SIM_DESCRIPTOR_H
#define EDDY_SRC_TEST_SIM_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>

#define SIM_DESCRIPTOR_FIRST 10000
#define SIM_DESCRIPTOR_MAX (1 << 20) /* open at a time */

enum sim_descriptor_kind {
    SIM_NOTHING,
    SIM_SOCKET,
    SIM_PIPE, /* an end */
    SIM_FILE,
};

struct sim_descriptor {
    void *what;
    enum sim_descriptor_kind kind;
};

struct sim_descriptors {
    struct sim_descriptor *entries;
    size_t capacity, open;
    size_t lowest; /* nothing below is free */
};

/* The number, -EMFILE or -ENOMEM. */
int sim_descriptor_take(struct sim_descriptors *table, enum sim_descriptor_kind kind, void *what);

/* What it stands for; SIM_NOTHING if it isn't open. */
struct sim_descriptor sim_descriptor_get(const struct sim_descriptors *table, int number);

/* Gives a reference to what it stands for back: sim_engine.c. */
void sim_descriptor_release(struct sim_descriptor descriptor);

/* Of one that is open. */
void sim_descriptor_free(struct sim_descriptors *table, int number);

/* Whether it is one of the system beneath the simulated one. */
static inline bool sim_descriptor_is_real(int number)
{
    return number >= 0 && number < SIM_DESCRIPTOR_FIRST;
}

#endif
