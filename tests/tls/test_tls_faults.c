/* SPDX-License-Identifier: MIT */
/*
 * What fails beneath a TLS service and its clients, in each program of `make torture` and here on
 * the real engines: the programs of tls_scenarios.h, which say what must not be.
 */
#include "tls/tls_scenarios.h"

static size_t faults(int (*scenario)(void), enum eddy_fault_kind kind)
{
    struct eddy_fault_result result = {.sites = 0};
    const struct eddy_fault_options fault = {.scenario = scenario,
                                             .check = nothing_wrong,
                                             .kind = kind,
                                             .simulated = session_self->sim != NULL,
                                             .seed = 1,
                                             .sim.link.buffer = 2000};
    EXPECT_INT(eddy_fault(&fault, &result), 0);
    EXPECT_INT(result.failed, 0);
    return result.runs;
}

static void survive_all(const char *name, int (*scenario)(void))
{
    size_t memory = faults(scenario, EDDY_FAULT_MEMORY);
    size_t engine = faults(scenario, EDDY_FAULT_ENGINE);
    size_t storm = faults(scenario, EDDY_FAULT_STORM);
    EXPECT(memory > 10 && engine > 50);
    printf("%s: %zu runs of memory, %zu of the engine, %zu of storms\n", name, memory, engine,
           storm);
}

/* The first is what `make torture` takes to pieces. */
#define FAULTS(name)                                                                               \
    EDDY_TEST_WITH(a_##name, .any_order = true)                                                    \
    {                                                                                              \
        int r = scenario_##name();                                                                 \
        CHECK_INT(nothing_wrong(), 0);                                                             \
        return r;                                                                                  \
    }                                                                                              \
    PLAIN_TEST(a_##name##_with_each_fault)                                                         \
    {                                                                                              \
        survive_all(#name, scenario_##name);                                                       \
    }

FAULTS(service)
FAULTS(upgrade)
FAULTS(pour)
