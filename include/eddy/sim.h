/* SPDX-License-Identifier: MIT */
/*
 * A simulated system beneath a program (library eddy-test): the same program text that runs on the
 * real engines runs here without an operating system, on virtual time, and everything that chance
 * decides comes from one seed.
 *
 *     static int program(void) { ... eddy_serve, eddy_connect, eddy_to_thread, eddy_file_open ... }
 *
 *     struct eddy_sim_options options = {.order = EDDY_SIM_SHUFFLED, .link.delay_max = 0.2};
 *     int r = eddy_sim_run(42, &options, program);
 *
 * What is simulated: time (it jumps to the next event), TCP and UDP between addresses of this
 * program's own choice, stream sockets of Unix on paths, outside the file system and in pairs,
 * pipes, names, files in memory, thread pools and process pools, and the order of what is ready.
 * Descriptors of the system can't be watched here: -EPERM; pipes and pairs that can are made by
 * eddy_stream_pipe and eddy_stream_pair. Descriptors travel over Unix sockets, simulated ones and
 * those of the system.
 *
 * A pool's jobs run on the loop's thread, each in one piece at some instant of its time; what it
 * sleeps by eddy_blocking_sleep is virtual and comes on top, before its task hears of its end. They
 * see the program's memory, also those of processes, which here have none of their own.
 *
 * A run is a function of its seed, its options and its program: twice the same gives twice the same
 * hash. A program keeps to that as long as it takes neither time nor chance from elsewhere and
 * orders nothing by pointers.
 */
#ifndef EDDY_SIM_H
#define EDDY_SIM_H

#include <eddy/run.h>

EDDY_BEGIN_DECLS

enum eddy_sim_order {
    EDDY_SIM_FIFO,       /* as on the real engines: what became ready first runs first */
    EDDY_SIM_SHUFFLED,   /* each step runs any of what is ready, all equally likely */
    EDDY_SIM_PRIORITIES, /* each task has a random priority, the highest one that is ready runs;
                            at `priority_changes` random steps the running task's falls to the
                            lowest. Finds a bug that needs d orderings with probability of at least
                            1/(n k^(d-1)): Burckhardt et al., "A Randomized Scheduler with
                            Probabilistic Guarantees of Finding Bugs", ASPLOS 2010 */
};

/* How the network treats connections of one host, both ways, and datagrams that are sent there.
 * Zero: at once, whole, for ever. */
struct eddy_sim_link {
    double delay_min, delay_max; /* seconds a piece of data, a connect, an end or a reset takes;
                                    drawn anew each time, in order within a connection */
    double bandwidth;            /* bytes a second each way of a connection; 0: no limit */
    double short_io;             /* chance that a send or a receive takes only a part */
    double reset;                /* chance that a piece of data resets the connection instead */
    double refuse;               /* chance that a connect is refused although somebody listens */
    double loss; /* chance that a datagram is lost, or arrives twice. Those have a delay
                                    each and overtake one another; what finds `buffer` full, a black
                                    hole or a cut link is lost, and `bandwidth` isn't for them */
    double duplicate;
    bool black_hole; /* connects are never answered: -ETIMEDOUT after 127 s, TCP's own */
    bool cut;        /* a partition: what is on its way waits until this ends, a connect
                                    no longer than those 127 s */
    size_t buffer;   /* bytes under way each way; beyond it a writer waits; 0: 64 KiB */
};

/* Files: a run begins with "/", where relative paths begin, and "/tmp". Zero: at once, whole, for
 * ever. */
struct eddy_sim_disk {
    double delay_min, delay_max; /* seconds an operation takes */
    double short_io;             /* chance that a read or a write takes only a part */
    double failure;              /* chance that a read, a write or an fsync gives -EIO */
    uint64_t capacity;           /* bytes in all files, then -ENOSPC; 0: no limit */
};

struct eddy_sim_options {
    enum eddy_sim_order order;
    unsigned priority_changes; /* 0: 3; at most 1,000 */
    uint64_t priority_steps;   /* the changes fall on steps up to this one: 0: 1,000, or in a search
                                  as many as its first run took */
    uint64_t max_steps;        /* runs of tasks and callbacks, then the run ends with -ELOOP;
                                  0: 10 million */
    struct eddy_sim_link link; /* of hosts without one of their own */
    struct eddy_sim_disk disk;
    double job_delay_min, job_delay_max; /* seconds a pool's job takes, beyond its own sleeps */
    double worker_death;                 /* chance that a process pool's worker dies of a job:
                                            -ECHILD, as of a kill */
    struct eddy_options loop;            /* engine and virtual_clock are set for you */
};

/* What a run was. */
struct eddy_sim_outcome {
    uint64_t seed;
    uint64_t hash;    /* of every event, in order, with its time */
    uint64_t steps;   /* tasks and callbacks run */
    uint64_t choices; /* things that chance decided */
    double seconds;   /* of virtual time */
    bool deadlock;    /* it came to where nothing could ever happen again: -EDEADLK; a report of
                         who waits for what is in the log */
};

/* eddy_sim_run(seed, &options or NULL, function, .field = value, ...): as eddy_run. Also -EDEADLK,
 * when tasks wait, and no timer, data or job is left that could wake them, and -ELOOP; in both
 * cases the main task is cancelled, then, if that helps nothing, all tasks are, and if they go on
 * the process aborts. -EINVAL for a chance outside of 0 to 1 or a negative delay. Not within a loop
 * of this thread: -EBUSY. */
#define eddy_sim_run(seed, options, ...)                                                           \
    EDDY_FORM_(__VA_ARGS__)(eddy_sim_run_, eddy_sim_start_at_(seed, options), __VA_ARGS__)

/* The last run that ended on this thread, or the one under way. */
EDDY_API struct eddy_sim_outcome eddy_sim_report(void);

/* Whether the caller is inside of a simulated run. */
EDDY_API bool eddy_sim_active(void);

/* ---- from inside ------------------------------------------------------------------------------
 * All of these: 0, or -EINVAL with a report outside a simulated run or for bad values; none
 * suspends. A host is an address, "10.0.0.1"; connections belong to the host that listens. All Unix
 * sockets are one host, "unix": a connect there takes no time, and with a black hole or a cut link
 * it finds no room in the listener's queue (-EAGAIN, after which eddy_connect_unix goes on trying).
 * Pipes know short transfers and `buffer` alone, those of the run's link: there nothing is on its
 * way. */

/* From now on the host's network is like this. Data that is on its way keeps its delay. */
EDDY_API int eddy_sim_set_link(const char *host, const struct eddy_sim_link *link);
EDDY_API int eddy_sim_set_disk(const struct eddy_sim_disk *disk);

/* Gives a name an address, one of several (32 at most) if called again. "localhost" and
 * names in that domain are 127.0.0.1 and ::1 until they are given others; another name that was
 * given none doesn't resolve (-ENOENT). */
EDDY_API int eddy_sim_set_name(const char *name, const char *address);

/* How long look-ups take (EDDY_FOREVER: no answer comes), and with what negative errno they fail
 * (0: they don't). */
EDDY_API int eddy_sim_set_resolver(double delay, int error);

/* Breaks the host's connections: both ends get -ECONNRESET; or, half open (not of Unix sockets),
 * the listening end is gone and the other one doesn't hear of it until it sends. Returns how
 * many. */
EDDY_API int eddy_sim_reset(const char *host);
EDDY_API int eddy_sim_half_open(const char *host);

/* Something of yours that chance decides, from the run's seed: 0 to count - 1. The smallest failing
 * run that a search finds has it 0 where it can. 0 outside a simulated run. */
EDDY_API uint32_t eddy_sim_choose(uint32_t count);

/* ---- of the macro ---- */

struct eddy_sim_start_ {
    uint64_t seed;
    const struct eddy_sim_options *options;
};
/* The thread's own, until the next call. */
EDDY_API const struct eddy_sim_start_ *eddy_sim_start_at_(uint64_t seed,
                                                          const struct eddy_sim_options *options);
EDDY_API int eddy_sim_run_(const struct eddy_sim_start_ *start, eddy_function_ *function,
                           const void *arguments, size_t size, enum eddy_arguments_kind_ kind,
                           const struct eddy_site_ *site);

EDDY_END_DECLS
#endif
