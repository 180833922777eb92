/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

static eddy_lock lock = EDDY_LOCK_INIT;
static int counter;

static int add(void)
{
    int err;
    eddy_with_lock (&lock, &err) {
        int before = counter;
        err = eddy_sleep(0.01); /* others run here, but not up to this line */
        if (err == 0)
            counter = before + 1;
    }
    return err;
}

static int hundred(void)
{
    int err;
    eddy_with_group (g, &err) {
        for (int i = 0; i < 100; i++)
            eddy_spawn(g, add);
    }
    printf("%d\n", counter);
    return err;
}

int main(void)
{
    return eddy_run(hundred) < 0;
}
