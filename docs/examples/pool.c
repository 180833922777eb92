/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

struct count {
    long from, to, primes;
};
static int count(struct count *a) /* an ordinary function: it computes, and never waits */
{
    for (long n = a->from; n < a->to; n++) {
        long factor = 2;
        while (factor * factor <= n && n % factor != 0)
            factor++;
        a->primes += n > 1 && factor * factor > n;
    }
    return 0;
}

struct part {
    eddy_pool *pool;
    struct count *job;
};
static int part(struct part *a)
{
    return eddy_run_in(a->pool, count, a->job);
}

static int program(void)
{
    eddy_pool *pool;
    int err = eddy_process_pool_open(&pool, &(struct eddy_process_pool_options){.processes = 2});
    if (err < 0)
        return err;
    struct count jobs[2] = {{.from = 0, .to = 5000}, {.from = 5000, .to = 10000}};
    eddy_with_group (g, &err) {
        eddy_spawn(g, part, .pool = pool, .job = &jobs[0]);
        eddy_spawn(g, part, .pool = pool, .job = &jobs[1]);
    }
    printf("%ld primes below 10000\n", jobs[0].primes + jobs[1].primes);

    struct count one = {.from = 0, .to = 100};
    if (err == 0)
        err = eddy_to_thread(count, &one); /* asyncio.to_thread */
    printf("%ld below 100\n", one.primes);
    eddy_pool_close(pool);
    return err;
}

int main(void)
{
    if (eddy_process_pool_init() < 0) /* first thing of all */
        return 1;
    return eddy_run(program) < 0;
}
