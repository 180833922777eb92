/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

static eddy_barrier line = EDDY_BARRIER_INIT(3);

struct runner {
    const char *name;
    double warm_up;
};
static int runner(struct runner *a)
{
    int r = eddy_sleep(a->warm_up);
    if (r < 0)
        return r;
    printf("%s is at the line\n", a->name);
    r = eddy_barrier_wait(&line);
    if (r == 0)
        printf("all are here\n"); /* one of them gets 0 */
    return r;
}

static int race(void)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, runner, .name = "Ann", .warm_up = 2);
        eddy_spawn(g, runner, .name = "Bob", .warm_up = 1);
        eddy_spawn(g, runner, .name = "Cat", .warm_up = 3);
    }
    return err;
}

int main(void)
{
    return eddy_run(race) < 0;
}
