/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

static eddy_semaphore limit = EDDY_SEMAPHORE_INIT(2);
static int at_once, most;

static int request(void)
{
    int err;
    eddy_with_semaphore (&limit, &err) {
        at_once++;
        if (at_once > most)
            most = at_once;
        err = eddy_sleep(1.0);
        at_once--;
    }
    return err;
}

static int six(void)
{
    double start = eddy_time();
    int err;
    eddy_with_group (g, &err) {
        for (int i = 0; i < 6; i++)
            eddy_spawn(g, request);
    }
    printf("six requests, at most %d at once, %.0f s\n", most, eddy_time() - start);
    return err;
}

int main(void)
{
    return eddy_run(six) < 0;
}
