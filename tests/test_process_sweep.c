/* SPDX-License-Identifier: MIT */
/* Child processes with a cancel at each suspension, and with each call and each allocation failing:
 * no child, no descriptor and no memory is left. */
#include <eddy/fault.h>
#include <eddy/sweep.h>
#include "support/process_test.h"

static int check_children(void)
{
    return no_children() ? 0 : -EBADE;
}

/* ---- scenarios: they take whatever the calls return ---- */

static int talk_to_three(void)
{
    eddy_process *process;
    const struct eddy_process_options options = {
        .stdin_from = EDDY_PIPE, .stdout_to = EDDY_PIPE, .stderr_to = EDDY_PIPE, .grace = 1};
    int r = eddy_process_shell("tee /dev/stderr; exit 3", &options, &process), code = -1;
    if (r < 0)
        return r;
    r = eddy_process_communicate(process, "some input\n", 11, &code);
    eddy_process_close(process);
    return r < 0 ? r : code;
}

static int wait_and_close(void)
{
    eddy_process *ended, *running;
    int r = eddy_process_exec(ARGUMENTS("true"), NULL, &ended), code = -1;
    if (r < 0)
        return r;
    r = eddy_process_exec(ARGUMENTS("sleep", "1000"),
                          &(struct eddy_process_options){.group = EDDY_OWN_GROUP, .grace = 1},
                          &running);
    if (r == 0) {
        r = eddy_process_terminate(running);
        eddy_process_close(running);
    }
    int waited = eddy_process_wait(ended, &code);
    eddy_process_close(ended);
    return r < 0 ? r : waited < 0 ? waited : code;
}

static int pipeline(void)
{
    const char *const *const programs[] = {ARGUMENTS("echo", "text"), ARGUMENTS("cat"),
                                           ARGUMENTS("wc", "-c")};
    eddy_process *all[3];
    int codes[3] = {0, 0, 0};
    const struct eddy_process_options options = {.stdout_to = EDDY_PIPE, .stderr_to = EDDY_PIPE};
    int r = eddy_process_pipeline(programs, 3, &options, all);
    if (r < 0)
        return r;
    r = eddy_process_communicate_all(all, 3, NULL, 0, codes);
    for (int i = 0; i < 3; i++)
        eddy_process_close(all[i]);
    return r < 0 ? r : codes[0] + codes[1] + codes[2];
}

static int (*const scenarios[])(void) = {talk_to_three, wait_and_close, pipeline};
enum { SCENARIOS = sizeof scenarios / sizeof scenarios[0] };

/* ---- what befalls them ---- */

PLAIN_TEST(a_cancel_at_each_suspension_leaves_no_child)
{
    for (int i = 0; i < SCENARIOS; i++) {
        struct eddy_sweep_result result = {.points = 0};
        const struct eddy_sweep_options sweep = {
            .scenario = scenarios[i], .check = check_children, .real = true};
        EXPECT_INT(eddy_sweep(&sweep, &result), 0);
        EXPECT(result.points >= 1);
    }
}

static void each_fails(enum eddy_fault_kind kind)
{
    for (int i = 0; i < SCENARIOS; i++) {
        struct eddy_fault_result result = {.sites = 0};
        const struct eddy_fault_options fault = {
            .scenario = scenarios[i], .check = check_children, .kind = kind};
        EXPECT_INT(eddy_fault(&fault, &result), 0);
        EXPECT(result.sites >= 5);
    }
}

PLAIN_TEST(each_call_that_fails_leaves_no_child)
{
    each_fails(EDDY_FAULT_ENGINE);
}

PLAIN_TEST(each_allocation_that_fails_leaves_no_child)
{
    each_fails(EDDY_FAULT_MEMORY);
}

PLAIN_TEST(storms_change_nothing)
{
    each_fails(EDDY_FAULT_STORM);
}
