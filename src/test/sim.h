/* SPDX-License-Identifier: MIT */
/*
 * The simulated system from inside: what its parts share.
 *
 *     sim.c           life of a run, options checked, report, stuck runs
 *     sim_order.c     which of what is ready runs next
 *     sim_engine.c    the engine: watches, turn (sim_descriptor.c: numbers)
 *     sim_network.c   hosts and what tests do to them (sim_connection.c, sim_way.c: what is on its
 *                     way; sim_socket.c, sim_transfer.c, sim_option.c, sim_port.c, sim_unix.c:
 *                     calls on sockets; sim_rights.c: descriptors that travel; sim_pipe.c: pipes)
 *     sim_files.c     files in memory (sim_tree.c: names, sim_status.c: status, lists and locks,
 *                     sim_operation.c: operations under way)
 *     sim_pool.c      pools of threads and processes
 *     sim_names.c     the resolver
 *
 * Whatever is to come (a packet, the end of a job or of a file operation) is a timer of the loop:
 * so the loop's virtual clock jumps to it by itself, and turn() of the engine only finds out that
 * nothing can come any more.
 */
#ifndef EDDY_SRC_TEST_SIM_H
#define EDDY_SRC_TEST_SIM_H

#include "eddy/sim.h"
#include "loop.h"
#include "task.h"
#include "test/choice.h"

struct address_list;
struct session;
struct sim_network;
struct sim_files;
struct sim_names;
struct sim_order;

struct sim {
    struct choices choices;
    struct eddy_sim_options options;
    struct eddy_sim_outcome report;
    struct eddy_loop *loop; /* while it runs */
    struct sim_order *order;
    struct sim_network *network; /* these two last from the engine's creation to its end */
    struct sim_files *files;
    struct sim_names *names;
    int64_t now;         /* the loop's clock, as far as it is hashed */
    uint64_t step_limit; /* the run is given up at this one */
    unsigned idle;       /* turns in which nothing happened, in a row */
    bool narrated;       /* departures from first in, first out go to stderr */
    int failure;         /* -EDEADLK, -ELOOP: the run's result */
    bool cancelled;      /* all its tasks were, because it was given up and that didn't end it */
    unsigned stuck;      /* turns that found nothing to come */
    uint64_t sequence;   /* of descriptors, connections, ... */
    size_t timers;       /* set on the loop's wheel by the network and the disk */
    size_t descriptors;  /* open simulated ones; after the loop's end those that were left open */
};

/* What happens in a run, for its hash: choices_note(&sim->choices, kind, what). Choices themselves
 * take their count for a kind, below 2^32. */
enum sim_event {
    SIM_EVENT_TIME = 1, /* the clock's */
    SIM_EVENT_TASK,     /* a step of the task with this sequence number */
    SIM_EVENT_CALLBACK, /* a step that isn't a task's */
    SIM_EVENT_JOB,      /* a pool's job began, ended */
    SIM_EVENT_NAME,     /* a name was resolved */
    SIM_EVENT_READY,    /* a watch was told */
    SIM_EVENT_CONNECT,  /* a connect arrived, was refused, was given up */
    SIM_EVENT_DATA,     /* a piece of data arrived */
    SIM_EVENT_END,      /* an end of a stream arrived, or a reset */
    SIM_EVENT_FILE,     /* an operation on a file was done */
    SIM_EVENT_OTHER,    /* the others' from here on */
};
#define SIM_EVENT(kind) ((uint64_t)(kind) << 32)

/* Sets a run up by its seed: 0, -EINVAL with a failure, -ENOMEM. Then set choices.prefix and so on,
 * run loops in it, and free. */
int sim_create(uint64_t seed, const struct eddy_sim_options *options, struct sim **ret_sim);
void sim_free(struct sim *sim);

/* A loop in it, in this session, whose other parts are set: its main task's result, or that of a
 * run that was given up. */
int sim_run(struct sim *sim, struct session *session, const struct task_start *start);

/* A function outside of any loop, whose loops are in it. */
int sim_run_plain(struct sim *sim, struct session *session, int (*function)(void));

/* 0, or -EINVAL with a report under the call's name. */
int sim_link_check(const char *call, const struct eddy_sim_link *link);
int sim_disk_check(const char *call, const struct eddy_sim_disk *disk);

int sim_engine_create(struct sim *sim, struct eddy_loop *loop, struct engine **ret_engine);
void sim_turned(struct sim *sim, struct eddy_loop *loop);
void sim_order_free(struct sim_order *order);
int sim_pool_open(struct sim *sim, bool processes, size_t workers, size_t queue,
                  struct eddy_pool **ret_pool);
int sim_resolve(struct sim *sim, const char *host, int port, struct address_list *ret_list);
void sim_names_free(struct sim_names *names);

/* Nothing can ever happen again, or there were too many steps: reports it with all tasks and their
 * waits, sets sim->failure and cancels the main task; when called again, all tasks; aborts the
 * process if that helped nothing either. */
void sim_give_up(struct sim *sim, int code);

/* The thread's run, or NULL with a report under the call's name and -EINVAL. */
struct sim *sim_here(const char *call, int *code);

#endif
