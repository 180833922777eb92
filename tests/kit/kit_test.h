/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the kit share: running tests/kit/program.c, and looking at what it says.
 */
#ifndef EDDY_TESTS_KIT_TEST_H
#define EDDY_TESTS_KIT_TEST_H

#define TEST_DEFAULTS .real_system = true
#include "support/process.h"
#include "sanitizer.h"

/* Runs it with these arguments, and nothing of this test's environment that the kit reads; its exit
 * status, or -1, with what it said in process.text. */
TEST_HELPER int kit(const char *arguments)
{
    char command[1024];
    const char *root = getenv("EDDY_BUILD_ROOT");
    (void)snprintf(command, sizeof command, "unset EDDY_ENGINE; %s/tests/kit_program %s 2>&1",
                   root ? root : "build", arguments);
    FILE *stream = popen(command, "re");
    if (!stream)
        return -1;
    process_read(stream);
    process.status = pclose(stream);
    return WIFEXITED(process.status) ? WEXITSTATUS(process.status) : -1;
}

/* On epoll: the test fails, saying so and so. */
TEST_HELPER void kit_fails(const char *file, int line, const char *test, const char *part)
{
    char arguments[256];
    (void)snprintf(arguments, sizeof arguments, "--engine epoll %s", test);
    int status = kit(arguments);
    (void)(eddy_test_int_(file, line, test, status, 1) &&
           eddy_test_contains_(file, line, "what the kit says", process.text, part) &&
           eddy_test_contains_(file, line, "what the kit says", process.text, "1 FAILED TEST(S)"));
}
#define KIT_FAILS(test, part) kit_fails(__FILE__, __LINE__, test, part)

#define KIT_PASSES(arguments)                                                                      \
    do {                                                                                           \
        if (!EXPECT_INT(kit(arguments), 0))                                                        \
            fputs(process.text, stderr);                                                           \
    } while (0)

#endif
