/* SPDX-License-Identifier: MIT */
/*
 * What the tests of child processes share: short ways to start one, and the check that none is
 * left.
 */
#ifndef EDDY_TESTS_SUPPORT_PROCESS_TEST_H
#define EDDY_TESTS_SUPPORT_PROCESS_TEST_H

#define TEST_DEFAULTS .real_system = true
#include "process_state.h"
#include "test.h"
#include <sys/wait.h>

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* A shell with pipes for all three. */
TEST_HELPER eddy_process *shell_with_pipes(const char *command)
{
    const struct eddy_process_options options = {
        .stdin_from = EDDY_PIPE, .stdout_to = EDDY_PIPE, .stderr_to = EDDY_PIPE};
    eddy_process *process = NULL;
    EXPECT_INT(eddy_process_shell(command, &options, &process), 0);
    return process;
}

/* Neither running nor a zombie. */
TEST_HELPER bool no_children(void)
{
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

/* Its code, when it was closed, too. */
struct await_end {
    eddy_process *process;
    int *code;
};

TEST_HELPER int await_end(struct await_end *a)
{
    return eddy_process_wait(a->process, a->code);
}

#endif
