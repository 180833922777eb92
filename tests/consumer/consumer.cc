// SPDX-License-Identifier: MIT
// The same from C++.
#include <eddy.h>

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

static int consume()
{
    int sum = 0;
    int error = 0;

    eddy_with_group (group, &error) {
        eddy_spawn(group, add, 40, 2, &sum);
    }
    if (error < 0)
        return error;
    return sum == 42 ? 0 : -EINVAL;
}

int main()
{
    return eddy_run(consume) < 0;
}
