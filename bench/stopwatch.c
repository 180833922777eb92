/* SPDX-License-Identifier: MIT
 *
 * Wall clock, CPU time and instructions of this or another process.
 */
#define _GNU_SOURCE
#include "stopwatch.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"

static double clock_nanoseconds(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) < 0)
        return -1;
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int open_instruction_counter(pid_t process)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_HARDWARE,
        .size = sizeof(attributes),
        .config = PERF_COUNT_HW_INSTRUCTIONS,
        .exclude_hv = 1,
        .inherit = 1,
    };
    int counter = (int)syscall(SYS_perf_event_open, &attributes, process, -1, -1,
                               PERF_FLAG_FD_CLOEXEC);
    if (counter < 0 && (errno == EACCES || errno == EPERM)) {
        attributes.exclude_kernel = 1; /* without privilege only user space is counted */
        counter = (int)syscall(SYS_perf_event_open, &attributes, process, -1, -1,
                               PERF_FLAG_FD_CLOEXEC);
    }
    return counter < 0 ? -1 : counter;
}

static double read_instructions(int counter)
{
    uint64_t value;
    if (counter < 0 || read(counter, &value, sizeof(value)) != sizeof(value))
        return -1;
    return (double)value;
}

static void start(struct stopwatch *watch)
{
    watch->instructions = read_instructions(watch->instruction_counter);
    watch->cpu_nanoseconds = clock_nanoseconds(watch->cpu_clock);
    watch->nanoseconds = clock_nanoseconds(CLOCK_MONOTONIC);
}

void stopwatch_start(struct stopwatch *watch)
{
    watch->cpu_clock = CLOCK_PROCESS_CPUTIME_ID;
    watch->instruction_counter = open_instruction_counter(0);
    start(watch);
}

int stopwatch_start_on(struct stopwatch *watch, pid_t process)
{
    int error = clock_getcpuclockid(process, &watch->cpu_clock);
    if (error != 0)
        return -error;
    watch->instruction_counter = open_instruction_counter(process);
    start(watch);
    return 0;
}

static double difference(double after, double before)
{
    return after < 0 || before < 0 ? -1 : after - before;
}

void stopwatch_stop(struct stopwatch *watch, uint64_t operations, struct sample *ret_sample)
{
    double nanoseconds = clock_nanoseconds(CLOCK_MONOTONIC);
    double cpu_nanoseconds = clock_nanoseconds(watch->cpu_clock);
    double instructions = read_instructions(watch->instruction_counter);

    if (watch->instruction_counter >= 0)
        close(watch->instruction_counter);
    watch->instruction_counter = -1;
    ret_sample->operations = operations;
    ret_sample->nanoseconds = difference(nanoseconds, watch->nanoseconds);
    ret_sample->cpu_nanoseconds = difference(cpu_nanoseconds, watch->cpu_nanoseconds);
    ret_sample->instructions = difference(instructions, watch->instructions);
}

static void add(double *sum, double more)
{
    *sum = more < 0 ? more : *sum < 0 ? more : *sum + more;
}

void stopwatch_stop_adding(struct stopwatch *watch, uint64_t operations, struct sample *sample)
{
    struct sample more = EMPTY_SAMPLE;

    stopwatch_stop(watch, operations, &more);
    sample->operations += operations;
    add(&sample->nanoseconds, more.nanoseconds);
    add(&sample->cpu_nanoseconds, more.cpu_nanoseconds);
    add(&sample->instructions, more.instructions);
}
