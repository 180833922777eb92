/* SPDX-License-Identifier: MIT */
/*
 * The checks: each compares, and writes down the first that doesn't hold.
 */
#include <math.h>
#include <string.h>
#include "eddy/loop.h"
#include "eddy/test.h"
#include "test/findings.h"

bool eddy_test_true_(const char *file, int line, bool holds, const char *condition)
{
    return holds || eddy_test_fail(file, line, "not so: %s", condition);
}

/* A negative number is likely an errno: its name is said too. */
static const char *name_if_negative(long long number)
{
    return number < 0 ? eddy_error_name((int)number) : "";
}

bool eddy_test_int_(const char *file, int line, const char *what, long long actual,
                    long long expected)
{
    return actual == expected ||
           eddy_test_fail(file, line, "%s is %lld%s%s, not %lld%s%s", what, actual,
                          actual < 0 ? " -" : "", name_if_negative(actual), expected,
                          expected < 0 ? " -" : "", name_if_negative(expected));
}

bool eddy_test_text_(const char *file, int line, const char *what, const char *actual,
                     const char *expected)
{
    return (actual && strcmp(actual, expected) == 0) ||
           eddy_test_fail(file, line, "%s is '%s', not '%s'", what, actual ? actual : "NULL",
                          expected);
}

bool eddy_test_contains_(const char *file, int line, const char *what, const char *actual,
                         const char *part)
{
    return (actual && strstr(actual, part)) ||
           eddy_test_fail(file, line, "%s is '%s', without '%s'", what, actual ? actual : "NULL",
                          part);
}

bool eddy_test_time_(const char *file, int line, double seconds)
{
    return fabs(eddy_time() - seconds) < 1e-6 ||
           eddy_test_fail(file, line, "it is %.6f s, not %.6f s", eddy_time(), seconds);
}

bool eddy_test_notes_(const char *file, int line, const char *expected)
{
    struct findings *findings = findings_here();
    bool same = eddy_test_text_(file, line, "what was noted", findings->notes, expected);
    findings->notes[0] = '\0';
    return same;
}

bool eddy_test_report_(const char *file, int line, enum eddy_log_event event, const char *part)
{
    return findings_report(file, line, event, part) != NULL;
}

bool eddy_test_no_report_(const char *file, int line)
{
    const struct finding_record *record = findings_next_report();
    return !record || eddy_test_fail(file, line, "the log says: %s", record->message);
}
