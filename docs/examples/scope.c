/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

static int talk(void)
{
    int r = eddy_sleep(10.0); /* -ECANCELED after 2 s, and so is every wait from now on */
    printf("interrupted: %s\n", eddy_error_name(r));
    printf("another wait: %s\n", eddy_error_name(eddy_sleep(1.0)));

    eddy_with_shield (1.0) { /* clean-up that may wait */
        if (eddy_sleep(0.5) == 0)
            printf("said goodbye\n");
    }
    return r;
}

static int limited(void)
{
    double start = eddy_time();
    int err;
    eddy_with_timeout (2.0, &err)
        err = talk();
    printf("the block: %s after %.1f s\n", eddy_error_name(err), eddy_time() - start);

    int r = eddy_wait_for(eddy_sleep(10.0), 1.0); /* the same, as an expression */
    printf("wait_for: %s\n", eddy_error_name(r));
    return 0;
}

int main(void)
{
    return eddy_run(limited) < 0;
}
