/* SPDX-License-Identifier: MIT */
/* Masks for kernel features. $EDDY_MASK is read once a process: each case has a child. */
#include "feature.h"
#include "support/child.h"

static const char *mask_tried;

static void exit_with_masked(void)
{
    if (mask_tried)
        (void)setenv("EDDY_MASK", mask_tried, 1);
    else
        (void)unsetenv("EDDY_MASK");
    unsigned masked = 0;
    for (unsigned i = 0; i < FEATURE_COUNT; i++)
        masked |= (unsigned)!feature_allowed((enum feature)i) << i;
    exit((int)masked);
}

/* The features that are masked under this value of $EDDY_MASK, a bit each. */
static unsigned masked_by(const char *mask)
{
    mask_tried = mask;
    int status = in_child(exit_with_masked);
    assert_true(WIFEXITED(status));
    return (unsigned)WEXITSTATUS(status);
}

enum {
    PWAIT2 = 1 << FEATURE_EPOLL_PWAIT2,
    GUARD = 1 << FEATURE_GUARD_INSTALL,
    URING = 1 << FEATURE_URING,
    DEFER = 1 << FEATURE_URING_DEFER_TASKRUN,
    SINGLE = 1 << FEATURE_URING_SINGLE_ISSUER,
    COOP = 1 << FEATURE_URING_COOP_TASKRUN,
    PIDFD = 1 << FEATURE_PIDFD,
    RANGE = 1 << FEATURE_CLOSE_RANGE,
};

static void test_masks(void **state)
{
    (void)state;
    const struct {
        const char *mask;
        unsigned masked;
    } cases[] = {
        {NULL, 0},
        {"", 0},
        {",, ,", 0},
        {"uring", URING},
        {"uring-defer-taskrun", DEFER},
        {"guard-install,epoll-pwait2", GUARD | PWAIT2},
        {" pidfd, uring ,", PIDFD | URING},
        {"linux-6.13", 0},
        {"linux-6.12", GUARD},
        {"linux-7.0", 0},
        {"linux-6.0", GUARD | URING | DEFER},
        {"linux-5.15", GUARD | URING | DEFER | SINGLE | COOP},
        {"linux-5.10", GUARD | URING | DEFER | SINGLE | COOP | PWAIT2 | RANGE},
        {"linux-5.3,linux-6.12", GUARD | URING | DEFER | SINGLE | COOP | PWAIT2 | RANGE | PIDFD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(masked_by(cases[i].mask), cases[i].masked);
        assert_string_equal(output, "");
    }
}

static void test_unknown_words(void **state)
{
    (void)state;
    const char *unknown[] = {"urin",    "uring-",      "uringer", "linux-",
                             "linux-5", "linux-5.10x", "linux"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        char mask[64], want[64];
        (void)snprintf(mask, sizeof mask, "pidfd,%s,uring", unknown[i]);
        (void)snprintf(want, sizeof want, "unknown word '%s'; known are epoll-pwait2, ",
                       unknown[i]);
        assert_int_equal(masked_by(mask), PIDFD | URING); /* the others count */
        assert_non_null(strstr(output, want));
        assert_non_null(strstr(output, "pidfd, close-range, and kernels such as linux-5.10\n"));
        assert_ptr_equal(strchr(output, '\n'), output + strlen(output) - 1); /* once */
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(feature_name(FEATURE_URING_DEFER_TASKRUN),
                        "uring-defer-taskrun, Linux 6.1");
    assert_string_equal(feature_name(FEATURE_GUARD_INSTALL), "guard-install, Linux 6.13");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_unknown_words),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
