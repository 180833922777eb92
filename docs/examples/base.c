/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <eddy.h>

int main(void)
{
    printf("compiled against the version that runs: %s\n",
           strcmp(EDDY_VERSION, eddy_version()) == 0 ? "yes" : "no");

    int r = eddy_sleep(1.0); /* not in a task: one line on stderr says so */
    printf("outside a task: %s\n", eddy_error_name(r));
    return 0;
}
