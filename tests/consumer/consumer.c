/* SPDX-License-Identifier: MIT */
/*
 * A program of somebody else's: it knows only the installed headers and library.
 */
#include <eddy.h>
#include <stdio.h>
#include <string.h>

struct add {
    int left;
    int right;
    int *sum;
};

static int add(struct add *a)
{
    int r = eddy_sleep(0.001);
    if (r < 0)
        return r;
    *a->sum = a->left + a->right;
    return 0;
}

static int consume(void)
{
    int sum = 0;
    int error = 0;

    eddy_with_group (group, &error) {
        eddy_spawn(group, add, .left = 40, .right = 2, .sum = &sum);
    }
    if (error < 0)
        return error;
    return sum == 42 ? 0 : -EINVAL;
}

int main(void)
{
    if (strcmp(eddy_version(), EDDY_VERSION) != 0) {
        fprintf(stderr, "headers %s, library %s\n", EDDY_VERSION, eddy_version());
        return 1;
    }
    return eddy_run(consume) < 0;
}
