/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdio.h>
#include <eddy.h>

static int program(void)
{
    eddy_temporary *folder; /* closing removes it, and what is in it */
    char deep[PATH_MAX], other[PATH_MAX];
    struct stat status;
    int r = eddy_temporary_directory_open(NULL, &folder);
    if (r < 0)
        return r;
    eddy_defer(eddy_temporary_close, folder);
    snprintf(deep, sizeof deep, "%s/one/two", eddy_temporary_path(folder));
    snprintf(other, sizeof other, "%s/other", eddy_temporary_path(folder));

    r = eddy_make_directories(deep, 0700);
    if (r == 0)
        r = eddy_rename(deep, other);
    if (r == 0)
        r = eddy_path_status(other, &status, true);
    if (r == 0)
        printf("a directory: %s\n", S_ISDIR(status.st_mode) ? "yes" : "no");
    if (r == 0)
        r = eddy_remove_directory(other);

    if (eddy_path_status("/no/such/file", &status, true) < 0)
        printf("%s\n", eddy_failure_message(eddy_last_failure()));
    return r;
}

int main(void)
{
    return eddy_run(program) < 0;
}
