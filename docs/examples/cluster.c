/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

/* The main task of each loop. */
static int stand_by(void)
{
    return eddy_sleep(EDDY_FOREVER); /* until it is stopped */
}

struct primes {
    int from, to;
};
static int primes(struct primes *a)
{
    int count = 0;
    for (int n = a->from; n < a->to; n++) {
        int divisor = 2;
        while (divisor * divisor <= n && n % divisor)
            divisor++;
        count += n > 1 && divisor * divisor > n;
    }
    return count;
}

static int program(void)
{
    const struct eddy_cluster_options options = {.loops = 3};
    eddy_cluster *cluster = eddy_cluster_start(&options, stand_by);
    if (!cluster)
        return -EAGAIN;
    eddy_submission *parts[3];
    for (int i = 0; i < 3; i++) /* a part for each loop, all at once */
        parts[i] =
            eddy_cluster_submit(cluster, (size_t)i, primes, .from = i * 1000, .to = (i + 1) * 1000);
    for (int i = 0; i < 3; i++) {
        printf("loop %d: %d primes\n", i, eddy_submission_await(parts[i]));
        eddy_submission_release(parts[i]);
    }
    eddy_cluster_stop(cluster);
    int r = eddy_cluster_wait(cluster);
    printf("stopped: %d\n", r);
    eddy_cluster_close(cluster);
    return r;
}

int main(void)
{
    return eddy_run(program) < 0;
}
