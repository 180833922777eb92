/* SPDX-License-Identifier: MIT
 *
 * Runs a group's contenders interleaved in blocks and keeps their figures by round.
 */
#include "harness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine.h"

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL) {
        fprintf(stderr, "bench: out of memory\n");
        exit(1);
    }
    return memory;
}

bool harness_group_selected(const struct group *group, const char *only)
{
    if (only == NULL || strcmp(group->name, only) == 0)
        return true;
    size_t length = strlen(only);
    return strncmp(group->name, only, length) == 0 && group->name[length] == '-';
}

static size_t count_contenders(const struct group *group, const struct contender *const *tables)
{
    size_t count = 0;
    for (; *tables != NULL; tables++)
        for (const struct contender *contender = *tables; contender->name != NULL; contender++)
            if (strcmp(contender->group, group->name) == 0)
                count++;
    return count;
}

static void collect_rows(struct result *result, const struct contender *const *tables)
{
    size_t next = 0;

    /* Floors first, whatever file they come from: everything else stands beside them. */
    for (int pass = 0; pass < 2; pass++)
        for (const struct contender *const *table = tables; *table != NULL; table++)
            for (const struct contender *contender = *table; contender->name != NULL; contender++)
                if (contender->is_floor == (pass == 0) &&
                    strcmp(contender->group, result->group->name) == 0)
                    result->rows[next++].contender = contender;

    for (size_t i = 0; i < result->row_count; i++) {
        struct row *row = &result->rows[i];
        row->figures = allocate(result->rounds, sizeof(double));
        row->instructions = allocate(result->rounds, sizeof(double));
        row->wall = allocate(result->rounds, sizeof(double));
    }
}

static double per_operation(double total, const struct sample *sample)
{
    return total < 0 || sample->operations == 0 ? NAN : total / (double)sample->operations;
}

static double figure_of(const struct group *group, const struct sample *sample)
{
    double total = group->figure == FIGURE_BYTES ? sample->bytes : sample->cpu_nanoseconds;
    return per_operation(total, sample) / group->scale;
}

static int run_block(const struct group *group, const struct row *row, uint64_t operations,
                     struct sample *ret_sample)
{
    *ret_sample = EMPTY_SAMPLE;
    /* Before each block anew: a contender may have moved the process elsewhere. */
    if (group->spread)
        machine_spread();
    else
        machine_pin(MACHINE_SERVER_CORE);
    return row->contender->run(row->contender, operations, ret_sample);
}

static void run_round(struct result *result, size_t round, uint64_t operations)
{
    for (size_t i = 0; i < result->row_count; i++) {
        struct row *row = &result->rows[i];
        struct sample sample;

        row->figures[round] = row->instructions[round] = row->wall[round] = NAN;
        int error = run_block(result->group, row, operations, &sample);
        if (error < 0) {
            row->error = error;
            continue;
        }
        row->figures[round] = figure_of(result->group, &sample);
        row->instructions[round] = per_operation(sample.instructions, &sample);
        row->wall[round] = per_operation(sample.nanoseconds, &sample);
        memcpy(row->note, sample.note, sizeof(row->note));
    }
}

static void show_progress(const struct group *group, size_t round, size_t rounds)
{
    if (!isatty(STDERR_FILENO))
        return;
    if (round < rounds)
        fprintf(stderr, "\r\033[K%s: round %zu of %zu", group->name, round + 1, rounds);
    else
        fprintf(stderr, "\r\033[K");
}

void harness_measure(const struct group *group, const struct contender *const *tables,
                     const struct harness_options *options, struct result *ret_result)
{
    struct result result = {.group = group, .rounds = options->rounds};
    uint64_t operations = options->quick ? group->operations / 100 : group->operations;
    uint64_t warm_up = operations / 10 > 0 ? operations / 10 : 1;

    result.row_count = count_contenders(group, tables);
    result.rows = allocate(result.row_count + 1, sizeof(struct row));
    collect_rows(&result, tables);

    for (size_t i = 0; i < result.row_count; i++) {
        struct sample ignored;
        /* A failure shows again in the rounds, where it is recorded. */
        (void)run_block(result.group, &result.rows[i], warm_up, &ignored);
    }
    for (size_t round = 0; round < result.rounds; round++) {
        show_progress(group, round, result.rounds);
        run_round(&result, round, operations);
    }
    show_progress(group, result.rounds, result.rounds);
    *ret_result = result;
}

void result_release(struct result *result)
{
    for (size_t i = 0; i < result->row_count; i++) {
        free(result->rows[i].figures);
        free(result->rows[i].instructions);
        free(result->rows[i].wall);
    }
    free(result->rows);
    result->rows = NULL;
    result->row_count = 0;
}
