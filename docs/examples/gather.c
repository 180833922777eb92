/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

struct square {
    int n, result;
};
static int square(struct square *a)
{
    int r = eddy_sleep(1.0);
    if (r < 0)
        return r;
    if (a->n == 3)
        return eddy_fail(-EDOM, "not 3");
    a->result = a->n * a->n;
    return 0;
}

static int all(void)
{
    struct square jobs[5] = {{.n = 1}, {.n = 2}, {.n = 3}, {.n = 4}, {.n = 5}};
    int results[5];
    double start = eddy_time();
    int r = eddy_map(2, square, jobs, 5, results); /* two at a time */
    for (int i = 0; i < 5; i++)
        printf("%d: %s %d\n", jobs[i].n, results[i] < 0 ? eddy_error_name(results[i]) : "is",
               jobs[i].result);
    printf("%.0f s\n", eddy_time() - start);
    return r;
}

int main(void)
{
    return eddy_run(all) < 0;
}
