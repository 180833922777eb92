/* SPDX-License-Identifier: MIT */
/*
 * Loaded into a program under torture (LD_PRELOAD); works before its main().
 *
 * With EDDY_TORTURE_STOP it stops the process by SIGSTOP: scripts/strace_inject.py then attaches
 * strace and lets it go on, so that system calls are counted from here, not from the loader's.
 *
 * With EDDY_STORM it handles SIGUSR1, for signal_storm: by SA_RESTART if the value is "restart", by
 * EINTR if it is anything else.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

static void handle(int signal)
{
    (void)signal;
}

static void expect_storm(bool restart)
{
    struct sigaction action = {.sa_handler = handle};
    if (restart)
        action.sa_flags = SA_RESTART;
    (void)sigaction(SIGUSR1, &action, NULL);
}

__attribute__((__constructor__)) static void begin(void)
{
    const char *storm = getenv("EDDY_STORM");
    if (storm)
        expect_storm(strcmp(storm, "restart") == 0);
    if (getenv("EDDY_TORTURE_STOP")) {
        (void)unsetenv("EDDY_TORTURE_STOP"); /* not for what it executes */
        (void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
        (void)raise(SIGSTOP);
    }
}
