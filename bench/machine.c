/* SPDX-License-Identifier: MIT
 *
 * Pinning, limits, the description of the machine, and measuring in a forked child.
 */
#define _GNU_SOURCE
#include "machine.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

/* What a measuring child sends home. */
struct report {
    int error;
    struct sample sample;
};

static cpu_set_t allowed;
static bool refused;

void machine_prepare(void)
{
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
        refused = true;
}

bool machine_pin(int core)
{
    /* With one core, pinning server and client to it would say nothing the scheduler doesn't. */
    if (refused || CPU_COUNT(&allowed) < 2)
        return false;

    for (int number = 0, seen = 0; number < CPU_SETSIZE; number++) {
        if (!CPU_ISSET(number, &allowed) || seen++ != core)
            continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(number, &one);
        if (sched_setaffinity(0, sizeof(one), &one) < 0)
            refused = true;
        return !refused;
    }
    return false;
}

void machine_spread(void)
{
    if (!refused && CPU_COUNT(&allowed) > 1)
        (void)sched_setaffinity(0, sizeof(allowed), &allowed);
}

bool machine_pinning_works(void)
{
    return machine_pin(MACHINE_SERVER_CORE);
}

int machine_allow_descriptors(size_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -errno;
    if (limit.rlim_cur >= wanted)
        return 0;
    limit.rlim_cur = limit.rlim_max;
    if (limit.rlim_cur < wanted || setrlimit(RLIMIT_NOFILE, &limit) < 0) {
        static bool told;
        if (!told)
            fprintf(stderr, "bench: %zu descriptors are needed, the limit is %ju (ulimit -Hn)\n",
                    wanted, (uintmax_t)limit.rlim_max);
        told = true;
        return -EMFILE;
    }
    return 0;
}

static void processor_name(char *name, size_t size)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "re");

    snprintf(name, size, "unknown processor");
    if (file == NULL)
        return;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "model name", 10) != 0)
            continue;
        char *colon = strchr(line, ':');
        if (colon == NULL)
            continue;
        line[strcspn(line, "\n")] = '\0';
        snprintf(name, size, "%s", colon + 2);
        break;
    }
    fclose(file);
}

void machine_describe(char *text, size_t size)
{
    struct utsname kernel;
    char processor[128];
    double load = 0;

    /* Other people's work disturbs figures, and makes servers look better: requests pile up while
     * they wait for their core, and are served in bigger batches. So the reader should know. */
    if (getloadavg(&load, 1) < 1)
        load = 0;
    if (uname(&kernel) < 0)
        memset(&kernel, 0, sizeof(kernel));
    processor_name(processor, sizeof(processor));
    snprintf(text, size, "%s, %d cores%s, %s %s %s, compiler " __VERSION__ ", load %.2f", processor,
             CPU_COUNT(&allowed), machine_pinning_works() ? "" : " (not pinned)", kernel.sysname,
             kernel.release, kernel.machine, load);
}

static void child_main(int output, int (*measure)(void *, struct sample *), void *argument)
{
    struct report report;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    memset(&report, 0, sizeof(report));
    report.sample = EMPTY_SAMPLE;
    report.error = measure(argument, &report.sample);
    ssize_t written = write(output, &report, sizeof(report));
    _exit(written != sizeof(report));
}

int machine_run_in_child(int (*measure)(void *argument, struct sample *ret_sample), void *argument,
                         struct sample *ret_sample)
{
    struct report report;
    int ends[2];

    if (pipe(ends) < 0)
        return -errno;
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) {
        int error = -errno;
        close(ends[0]);
        close(ends[1]);
        return error;
    }
    if (child == 0) {
        close(ends[0]);
        child_main(ends[1], measure, argument);
    }
    close(ends[1]);
    ssize_t length = read(ends[0], &report, sizeof(report));
    close(ends[0]);
    waitpid(child, NULL, 0);
    if (length != sizeof(report))
        return -ECHILD; /* it died before it could report */
    if (report.error < 0)
        return report.error;
    *ret_sample = report.sample;
    return 0;
}
