/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

struct download {
    const char *name;
    double seconds;
    int error;
};
static int download(struct download *a)
{
    int r = eddy_sleep(a->seconds);
    if (r < 0) {
        printf("%s: %s\n", a->name, eddy_error_name(r));
        return r;
    }
    if (a->error < 0)
        return eddy_fail(a->error, "%s is broken", a->name);
    printf("%s: done\n", a->name);
    return 0;
}

static int all(void)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, download, .name = "a", .seconds = 1);
        eddy_spawn(g, download, .name = "b", .seconds = 2, .error = -EIO);
        eddy_spawn(g, download, .name = "c", .seconds = 3);
    } /* nothing of the three runs any more */
    printf("the group: %s\n", eddy_error_name(err));

    const eddy_failure *one = NULL; /* except* OSError as group: */
    while ((one = eddy_failure_match(eddy_last_failure(), 0, one)))
        printf("  %s\n", eddy_failure_message(one));
    return 0;
}

int main(void)
{
    return eddy_run(all) < 0;
}
