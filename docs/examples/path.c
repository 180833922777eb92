/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <eddy.h>

static int program(void)
{
    char folder[] = "/tmp/eddy-path-XXXXXX", deep[64], other[64];
    struct stat status;
    if (!mkdtemp(folder))
        return -errno;
    snprintf(deep, sizeof deep, "%s/one/two", folder);
    snprintf(other, sizeof other, "%s/other", folder);

    int r = eddy_make_directories(deep, 0700);
    if (r == 0)
        r = eddy_rename(deep, other);
    if (r == 0)
        r = eddy_path_status(other, &status, true);
    if (r == 0)
        printf("a directory: %s\n", S_ISDIR(status.st_mode) ? "yes" : "no");
    if (r == 0)
        r = eddy_remove_directory(other);

    snprintf(deep, sizeof deep, "%s/one", folder);
    if (r == 0)
        r = eddy_remove_directory(deep);
    if (r == 0)
        r = eddy_remove_directory(folder);
    if (eddy_path_status("/no/such/file", &status, true) < 0)
        printf("%s\n", eddy_failure_message(eddy_last_failure()));
    return r;
}

int main(void)
{
    return eddy_run(program) < 0;
}
