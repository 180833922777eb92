/* SPDX-License-Identifier: MIT
 *
 * The bursts: one thread works, the other one waits for it in a semaphore.
 */
#include "post_load.h"

#include <pthread.h>
#include <time.h>

static double cpu_time(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) < 0)
        continue;
}

static void *poster(void *argument)
{
    struct post_load *load = argument;
    for (uint64_t burst = 0; burst < load->bursts; burst++) {
        wait_for(&load->begin);
        double start = cpu_time();
        for (unsigned n = 0; n < POST_BURST && load->error == 0; n++)
            load->error = load->post(load, n);
        load->posting += cpu_time() - start;
        (void)sem_post(&load->end);
    }
    return NULL;
}

static int receive(struct post_load *load)
{
    int error = 0;
    for (uint64_t burst = 0; burst < load->bursts; burst++) {
        load->taken = 0;
        (void)sem_post(&load->begin);
        wait_for(&load->end);
        double start = cpu_time();
        if (error == 0 && (error = load->error) == 0)
            error = load->deliver(load);
        load->delivering += cpu_time() - start;
    }
    return error;
}

int post_load_run(struct post_load *load, uint64_t operations, struct sample *ret_sample)
{
    pthread_t thread;
    load->bursts = operations / POST_BURST + 1;
    (void)sem_init(&load->begin, 0, 0);
    (void)sem_init(&load->end, 0, 0);
    int error = -pthread_create(&thread, NULL, poster, load);
    if (error == 0) {
        error = receive(load);
        (void)pthread_join(thread, NULL);
    }
    (void)sem_destroy(&load->begin);
    (void)sem_destroy(&load->end);
    ret_sample->operations = load->bursts * POST_BURST;
    ret_sample->cpu_nanoseconds = load->posting + load->delivering;
    (void)snprintf(ret_sample->note, sizeof ret_sample->note, "%.0f + %.0f",
                   load->posting / (double)ret_sample->operations,
                   load->delivering / (double)ret_sample->operations);
    return error;
}
