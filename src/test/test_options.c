/* SPDX-License-Identifier: MIT */
/*
 * The command line of a test program.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "test/test_kit.h"

static const char help[] =
    "usage: %s [OPTION...] [NAME...]\n"
    "Runs the program's tests, or those named, on each engine of this machine and on the\n"
    "simulated system.\n"
    "\n"
    "  --engine LIST        on these only, of epoll,uring,sim; also by EDDY_ENGINE\n"
    "  --list               name the tests, run none\n"
    "By the thousand, on the simulated system unless --engine says where:\n"
    "  --seeds N            N simulated runs of each, by the seeds 1 to N, or from --seed on\n"
    "  --seed N             just that one\n"
    "  --order ORDER        of what is ready: fifo, shuffled (the default here), priorities\n"
    "  --checks             with these, what tests check counts too, not only in those that say\n"
    "                       .any_order\n"
    "  --sweep              a run for each suspension, with a cancel that lands there\n"
    "  --fault KIND         a run for each thing that can fail, with that failing: memory (each\n"
    "                       allocation), engine (each call to the system); or storm\n"
    "  --help\n"
    "\n"
    "Exit status: 0 if all went well, 77 if none of the tests can run there, 2 for a wrong option.\n";

enum { ENGINE = 256, LIST, SEEDS, SEED, ORDER, CHECKS, SWEEP, FAULT, HELP };

static const struct option options[] = {
    {"engine", required_argument, NULL, ENGINE}, {"list", no_argument, NULL, LIST},
    {"seeds", required_argument, NULL, SEEDS},   {"seed", required_argument, NULL, SEED},
    {"order", required_argument, NULL, ORDER},   {"checks", no_argument, NULL, CHECKS},
    {"sweep", no_argument, NULL, SWEEP},         {"fault", required_argument, NULL, FAULT},
    {"help", no_argument, NULL, HELP},           {NULL, 0, NULL, 0},
};

static int wrong(const struct test_plan *plan, const char *what, const char *value)
{
    fprintf(stderr, "%s: %s '%s'; --help lists what there is\n", plan->program, what, value);
    return -EINVAL;
}

/* The place of a name in a list, or -EINVAL after saying so. */
static int find(const struct test_plan *plan, const char *what, const char *name,
                const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return wrong(plan, what, name);
}

static int parse_systems(struct test_plan *plan, const char *list)
{
    char copy[64], *rest = copy, *name;
    if (snprintf(copy, sizeof copy, "%s", list) >= (int)sizeof copy)
        return wrong(plan, "no such engines:", list);
    memset(plan->systems, 0, sizeof plan->systems);
    while ((name = strsep(&rest, ","))) {
        int system = find(plan, "no such engine:", name, test_system_names, TEST_SYSTEMS);
        if (system < 0)
            return system;
        plan->systems[system] = true;
    }
    plan->systems_given = true;
    return 0;
}

static int parse_number(const struct test_plan *plan, const char *text, uint64_t *ret_number)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 0);
    if (errno || end == text || *end || *text == '-')
        return wrong(plan, "not a number:", text);
    *ret_number = number;
    return 0;
}

static int parse_mode(struct test_plan *plan, enum test_mode mode)
{
    /* --seed beside --seeds is where those begin. */
    bool seeds = (mode == TEST_SEED && plan->mode == TEST_SEEDS) ||
                 (mode == TEST_SEEDS && plan->mode == TEST_SEED);
    if (plan->mode != TEST_ONCE && plan->mode != mode && !seeds) {
        fprintf(stderr, "%s: one of --seeds, --sweep and --fault at a time\n", plan->program);
        return -EINVAL;
    }
    plan->mode = seeds ? TEST_SEEDS : mode;
    return 0;
}

static int parse_one(struct test_plan *plan, int option, const char *value)
{
    static const char *const orders[] = {"fifo", "shuffled", "priorities"};
    static const char *const faults[] = {"memory", "engine", "storm"};
    int found, r;
    switch (option) {
    case ENGINE:
        return parse_systems(plan, value);
    case LIST:
        plan->list = true;
        return 0;
    case SEEDS:
        r = parse_number(plan, value, &plan->seeds);
        return r < 0 ? r : parse_mode(plan, TEST_SEEDS);
    case SEED:
        r = parse_number(plan, value, &plan->seed);
        return r < 0 ? r : parse_mode(plan, TEST_SEED);
    case ORDER:
        found = find(plan, "no such order:", value, orders, 3);
        plan->order = (enum eddy_sim_order)found;
        return found < 0 ? found : 0;
    case CHECKS:
        plan->checks = true;
        return 0;
    case SWEEP:
        return parse_mode(plan, TEST_SWEEP);
    case FAULT:
        found = find(plan, "no such fault:", value, faults, 3);
        plan->fault = (enum eddy_fault_kind)found;
        return found < 0 ? found : parse_mode(plan, TEST_FAULT);
    default:
        return -EINVAL; /* getopt has said why */
    }
}

int test_options_parse(int argc, char **argv, struct test_plan *ret_plan, bool *ret_done)
{
    struct test_plan *plan = ret_plan;
    *plan = (struct test_plan){.program = argv[0], .seed = 1, .order = EDDY_SIM_SHUFFLED};
    *ret_done = true;
    const char *engine = getenv("EDDY_ENGINE");
    if (engine && engine[0] && parse_systems(plan, engine) < 0)
        return 2;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == HELP) {
            printf(help, argv[0]);
            return 0;
        }
        if (parse_one(plan, option, optarg) < 0)
            return 2;
    }
    plan->names = argv + optind;
    plan->name_count = (size_t)(argc - optind);
    *ret_done = false;
    return 0;
}
