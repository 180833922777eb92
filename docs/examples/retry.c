/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

static int attempt;

static int flaky(void)
{
    attempt++;
    printf("attempt %d\n", attempt);
    return attempt < 3 ? eddy_fail(-ECONNREFUSED, "attempt %d: refused", attempt) : 42;
}

static int steadily(void)
{
    double start = eddy_time();
    int r = eddy_retry(flaky(), .attempts = 5, .base = 1, .no_jitter = true,
                       .codes = {-ECONNREFUSED, -ETIMEDOUT});
    printf("%d after %.0f s\n", r, eddy_time() - start);
    return r;
}

int main(void)
{
    return eddy_run(steadily) < 0;
}
