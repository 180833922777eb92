/* SPDX-License-Identifier: MIT
 *
 * `make bench`: eddy's figures, each beside its hand-written floor in the same run.
 *
 * To add a contender: define a table `const struct contender ..._contenders[]` in its own file,
 * whose entries name one of the groups below, and list the table here.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "floors.h"
#include "harness.h"
#include "machine.h"
#include "report.h"
#ifndef BENCH_FLOORS_ONLY
#include "eddy_contenders.h"
#endif

static const struct contender *const tables[] = {
    floor_switch_contenders,
    floor_spawn_contenders,
    floor_queue_contenders,
    floor_timer_contenders,
    floor_wake_contenders,
    floor_join_contenders,
    floor_post_contenders,
    floor_offload_contenders,
    floor_memory_contenders,
    floor_file_contenders,
    floor_process_contenders,
    floor_sim_contenders,
    floor_echo_epoll_contenders,
    floor_idle_contenders,
#ifndef BENCH_WITHOUT_URING
    floor_echo_uring_contenders,
#endif
#ifndef BENCH_WITHOUT_TLS
    floor_tls_contenders,
#endif
#ifndef BENCH_FLOORS_ONLY
    EDDY_CONTENDERS
#endif
        NULL,
};

static const struct group groups[] = {
    {.name = "yield",
     .title = "switch between two tasks",
     .unit = "CPU ns a switch",
     .target = "25 ns or 3x the floor",
     .scale = 1,
     .operations = 5000000},
    {.name = "yield-100",
     .title = "100 tasks yield in turn",
     .unit = "CPU ns a switch",
     .target = "25 ns or 3x the floor",
     .scale = 1,
     .operations = 5000000},
    {.name = "spawn",
     .title = "spawn an empty task and join it",
     .unit = "CPU ns",
     .target = "100 ns or 3x the floor",
     .scale = 1,
     .operations = 2000000},
    {.name = "lock",
     .title = "acquire and release a lock that is free",
     .unit = "CPU ns",
     .target = "2x the floor",
     .scale = 1,
     .operations = 10000000},
    {.name = "hand-over",
     .title = "release a lock to a waiter, and wait for it",
     .unit = "CPU ns a hand-over",
     .scale = 1,
     .operations = 4000000},
    {.name = "event",
     .title = "wake a task by an event, and wait for one",
     .unit = "CPU ns a wake-up",
     .scale = 1,
     .operations = 4000000},
    {.name = "hop",
     .title = "hand an item to another task, which answers",
     .unit = "CPU ns a hop",
     .target = "60 ns",
     .scale = 1,
     .operations = 4000000},
    {.name = "queue",
     .title = "a queue of 128, producer to consumer",
     .unit = "CPU ns an item",
     .target = "20 ns",
     .scale = 1,
     .operations = 10000000},
    {.name = "timer",
     .title = "set and cancel a timer, 512 others live",
     .unit = "CPU ns",
     .target = "a timeout 1.5x the floor",
     .scale = 1,
     .operations = 2000000},
    {.name = "gather",
     .title = "create 1000 tasks, gather their results",
     .unit = "CPU ns a task",
     .target = "120 ns",
     .scale = 1,
     .operations = 2000000},
    {.name = "cancel",
     .title = "cancel a sleeping task and join it",
     .unit = "CPU ns",
     .target = "200 ns",
     .scale = 1,
     .operations = 1000000},
    {.name = "post",
     .title = "posts of another thread to a loop that is awake",
     .unit = "CPU ns a post, both threads'",
     .target = "60 ns",
     .scale = 1,
     .operations = 2000000},
    {.name = "thread",
     .title = "a job to a thread and back",
     .unit = "CPU us",
     .target = "1.1x the floor",
     .scale = 1000,
     .spread = true,
     .operations = 100000},
    {.name = "thread-1000",
     .title = "jobs to threads and back, 1000 at once",
     .unit = "CPU us a job",
     .target = "1 us",
     .scale = 1000,
     .spread = true,
     .operations = 500000},
    {.name = "worker",
     .title = "a job of 64 B to another process and back",
     .unit = "CPU us, both processes'",
     .target = "2x the floor",
     .scale = 1000,
     .spread = true,
     .operations = 50000},
    {.name = "memory",
     .title = "an idle task, of 100,000",
     .unit = "bytes a task",
     .target = "4.6 KiB resident",
     .figure = FIGURE_BYTES,
     .scale = 1,
     .operations = 100000},
    {.name = "pread",
     .title = "read 4 KiB of a file that are in memory",
     .unit = "CPU ns",
     .target = "1.3x pread, a tenth of a thread's hop",
     .scale = 1,
     .operations = 200000},
    {.name = "pread-cold",
     .title = "read 4 KiB of a file that aren't in memory, 64 at a time",
     .unit = "CPU us",
     .target = "1.2x a raw ring",
     .scale = 1000,
     .operations = 16384},
    {.name = "echo-1",
     .title = "64 B TCP echo, 1 connection",
     .unit = "server CPU us a request",
     .target = "1.1x the raw loop of its engine",
     .scale = 1000,
     .operations = 20000},
    {.name = "echo-50",
     .title = "64 B TCP echo, 50 connections",
     .unit = "server CPU us a request",
     .target = "1.1x the raw loop of its engine",
     .scale = 1000,
     .operations = 100000},
    {.name = "echo-1000",
     .title = "64 B TCP echo, 1000 connections",
     .unit = "server CPU us a request",
     .target = "1.1x the raw loop of its engine",
     .scale = 1000,
     .operations = 100000},
    {.name = "echo-4k-1",
     .title = "4 KiB TCP echo, 1 connection",
     .unit = "server CPU us a request",
     .target = "1.1x the raw loop of its engine",
     .scale = 1000,
     .operations = 20000},
    {.name = "echo-4k-50",
     .title = "4 KiB TCP echo, 50 connections",
     .unit = "server CPU us a request",
     .target = "1.1x the raw loop of its engine",
     .scale = 1000,
     .operations = 50000},
    {.name = "echo-4k-1000",
     .title = "4 KiB TCP echo, 1000 connections",
     .unit = "server CPU us a request",
     .target = "1.1x the raw loop of its engine",
     .scale = 1000,
     .operations = 50000},
    {.name = "idle",
     .title = "an idle TCP connection, of 10,000, after an echo",
     .unit = "server KiB a connection",
     .target = "4.6 KiB resident",
     .figure = FIGURE_BYTES,
     .scale = 1024,
     .operations = 10000},
    {.name = "tls-send",
     .title = "bulk data out over TLS 1.3",
     .unit = "CPU us a MiB",
     .target = "1.1x plain OpenSSL",
     .scale = 1000,
     .operations = 400},
    {.name = "tls-receive",
     .title = "bulk data in over TLS 1.3",
     .unit = "CPU us a MiB",
     .target = "1.1x plain OpenSSL",
     .scale = 1000,
     .operations = 400},
    {.name = "process",
     .title = "start /bin/true and wait for its end",
     .unit = "CPU us, with the child's",
     .target = "1.1x the floor",
     .scale = 1000,
     .operations = 1000},
    {.name = "sim",
     .title = "1000 tasks echo 64 B in a simulated network",
     .unit = "CPU us a simulated ms",
     .target = "500",
     .scale = 1000,
     .operations = 1000},
};

enum { GROUP_COUNT = sizeof(groups) / sizeof(groups[0]) };

static void print_help(FILE *file)
{
    fprintf(file, "usage: bench [--only GROUP] [--rounds N] [--json FILE] [--quick]\n"
                  "  --only GROUP   only this group; `echo` means all echo-...\n"
                  "  --rounds N     interleaved rounds after a warm-up (default 7, 5 or more)\n"
                  "  --json FILE    write every round's figures there, too\n"
                  "  --quick        a hundredth of the operations, any number of rounds:\n"
                  "                 shows that everything runs, its figures mean little\n"
                  "groups:\n");
    for (size_t i = 0; i < GROUP_COUNT; i++)
        fprintf(file, "  %-10s %s (%s)\n", groups[i].name, groups[i].title, groups[i].unit);
}

static size_t parse_rounds(const char *text)
{
    char *end;
    errno = 0;
    long rounds = strtol(text, &end, 10);
    if (errno != 0 || *end != '\0' || end == text || rounds < 1 || rounds > 1000) {
        fprintf(stderr, "bench: --rounds takes a number from 1 to 1000, not '%s'\n", text);
        exit(2);
    }
    return (size_t)rounds;
}

static const char *parse_options(int count, char **words, struct harness_options *options)
{
    static const struct option known[] = {
        {"only", required_argument, NULL, 'o'}, {"rounds", required_argument, NULL, 'r'},
        {"json", required_argument, NULL, 'j'}, {"quick", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0},
    };
    const char *json = NULL;
    int letter;

    while ((letter = getopt_long(count, words, "h", known, NULL)) != -1) {
        switch (letter) {
        case 'o':
            options->only = optarg;
            break;
        case 'r':
            options->rounds = parse_rounds(optarg);
            break;
        case 'j':
            json = optarg;
            break;
        case 'q':
            options->quick = true;
            break;
        case 'h':
            print_help(stdout);
            exit(0);
        default:
            print_help(stderr);
            exit(2);
        }
    }
    if (optind < count) {
        fprintf(stderr, "bench: unexpected argument '%s'\n", words[optind]);
        exit(2);
    }
    if (!options->quick && options->rounds < 5) {
        fprintf(stderr, "bench: fewer than 5 rounds say nothing; add --quick for a smoke test\n");
        exit(2);
    }
    return json;
}

static void print_heading(const struct harness_options *options, const char *machine)
{
    printf("%s\n", machine);
    printf(
        "%zu interleaved rounds after a warm-up%s. Ratio: median of the rounds' ratios to the "
        "floor;\nunder 15 %% apart is a tie. Figures of different runs don't compare, and an idle "
        "machine has load 0.\n",
        options->rounds, options->quick ? ", QUICK: figures mean little" : "");
}

/* A contender that lost an item, or served somebody twice: its figures are worth nothing. */
static bool report_wrong(const struct result *results, size_t count)
{
    bool wrong = false;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < results[i].row_count; k++) {
            const struct row *row = &results[i].rows[k];
            if (row->error != -EBADMSG)
                continue;
            fprintf(stderr, "bench: in group '%s' '%s' did its work wrong\n",
                    results[i].group->name, row->contender->name);
            wrong = true;
        }
    return wrong;
}

int main(int count, char **words)
{
    struct harness_options options = {.rounds = 7};
    struct result results[GROUP_COUNT];
    size_t measured = 0;
    char machine[512];
    int error = 0;

    const char *json = parse_options(count, words, &options);
#ifndef BENCH_FLOORS_ONLY
    if (eddy_process_pool_init() < 0) /* before there is any thread */
        eddy_failure_print(eddy_last_failure(), stderr);
#endif
    machine_prepare();
    machine_describe(machine, sizeof(machine));
    print_heading(&options, machine);
    for (size_t i = 0; i < GROUP_COUNT; i++) {
        if (!harness_group_selected(&groups[i], options.only))
            continue;
        harness_measure(&groups[i], tables, &options, &results[measured]);
        report_text(stdout, &results[measured]);
        fflush(stdout);
        measured++;
    }
    if (measured == 0) {
        fprintf(stderr, "bench: there is no group '%s'; see --help\n", options.only);
        return 2;
    }
    if (json != NULL)
        error = report_json(json, machine, results, measured);
    if (error < 0)
        fprintf(stderr, "bench: can't write '%s': %s\n", json, strerror(-error));
    bool wrong = report_wrong(results, measured);
    for (size_t i = 0; i < measured; i++)
        result_release(&results[i]);
    return error < 0 || wrong;
}
