/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

static int requests(void)
{
    eddy_rate_limiter limiter = EDDY_RATE_LIMITER_INIT(2, 3); /* 2 a second, 3 at once */
    double start = eddy_time();
    for (int i = 0; i < 6; i++) {
        int r = eddy_rate_limiter_acquire(&limiter, 1);
        if (r < 0)
            return r;
        printf("request %d at %.1f s\n", i, eddy_time() - start);
    }
    return 0;
}

int main(void)
{
    return eddy_run(requests) < 0;
}
