/* SPDX-License-Identifier: MIT */
/* A child of a cmocka test, for what can't be undone: it runs a function, and what it writes to
 * stderr is kept. */
#ifndef EDDY_TESTS_SUPPORT_CHILD_H
#define EDDY_TESTS_SUPPORT_CHILD_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char output[16 << 10]; /* what the child wrote to stderr */

/* Runs function in a child: its wait status. */
static inline int in_child(void (*function)(void))
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        (void)dup2(ends[1], STDERR_FILENO);
        (void)close(ends[1]);
        (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        (void)signal(SIGSEGV, SIG_DFL); /* cmocka's and ASan's */
        (void)signal(SIGBUS, SIG_DFL);
        function();
        exit(0);
    }
    (void)close(ends[1]);
    size_t used = 0;
    for (ssize_t size = 1; size > 0; used += (size_t)size) {
        size = read(ends[0], output + used, sizeof output - 1 - used);
        assert_true(size >= 0);
    }
    output[used] = '\0';
    (void)close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

#define check(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            dprintf(2, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                             \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static inline void assert_exited(int status, int code)
{
    if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
        fail_msg("status %#x, output: %s", (unsigned)status, output);
}

static inline void assert_killed(int status, int number)
{
    if (!WIFSIGNALED(status) || WTERMSIG(status) != number)
        fail_msg("status %#x, output: %s", (unsigned)status, output);
}

#endif
