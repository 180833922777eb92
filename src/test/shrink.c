/* SPDX-License-Identifier: MIT */
/*
 * Shrinking: of the choices of a run that failed, as few and as tame ones as will do.
 *
 *     0,3,0,1,2,0,7,4,1,0,0,2     as found
 *     0,3,0,1,2                   the end dropped: zeros
 *     0,3,0,0,2                   blocks made zero, from large to small
 *     3,0,2                       blocks taken out: what follows moves up
 *     1,0,1                       numbers lowered
 *
 * Each attempt is a run, and counts if it fails by the same code and is simpler: fewer choices
 * other than 0, then fewer choices, then lower ones. Again from the beginning until nothing helps,
 * or the effort is spent.
 */
#include <stdlib.h>
#include <string.h>
#include "test/search.h"

#define RUNS_MAX 1000
#define STEPS_MAX 20000000 /* in all these runs */

struct shrinking {
    struct search *search;
    uint64_t seed;
    int code;
    unsigned runs;
    uint64_t steps;
    uint32_t *best, *candidate; /* both with room for the first one */
    size_t best_count;
};

static size_t without_zeros_at_end(const uint32_t *choices, size_t count)
{
    while (count && !choices[count - 1])
        count--;
    return count;
}

static bool is_simpler(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count)
{
    size_t a_set = 0, b_set = 0;
    uint64_t a_sum = 0, b_sum = 0;
    for (size_t i = 0; i < a_count; i++) {
        a_set += a[i] != 0;
        a_sum += a[i];
    }
    for (size_t i = 0; i < b_count; i++) {
        b_set += b[i] != 0;
        b_sum += b[i];
    }
    if (a_set != b_set)
        return a_set < b_set;
    return a_count != b_count ? a_count < b_count : a_sum < b_sum;
}

static bool spent(const struct shrinking *shrinking)
{
    return shrinking->runs >= RUNS_MAX || shrinking->steps >= STEPS_MAX;
}

/* Whether the run of the candidate fails as the first one did. */
static bool fails(struct shrinking *shrinking, size_t count)
{
    const struct search_plan plan = {
        .seed = shrinking->seed, .choices = shrinking->candidate, .choice_count = count};
    struct search_outcome outcome;
    shrinking->runs++;
    if (search_run(shrinking->search, &plan, &outcome) < 0)
        return false;
    shrinking->steps += outcome.steps;
    search_outcome_free(&outcome);
    return outcome.code == shrinking->code;
}

/* Takes the candidate for the best one if it is simpler and fails. */
static bool attempt(struct shrinking *shrinking, size_t count)
{
    count = without_zeros_at_end(shrinking->candidate, count);
    if (spent(shrinking) ||
        !is_simpler(shrinking->candidate, count, shrinking->best, shrinking->best_count) ||
        !fails(shrinking, count))
        return false;
    memcpy(shrinking->best, shrinking->candidate, count * sizeof *shrinking->best);
    shrinking->best_count = count;
    return true;
}

static void copy_best(struct shrinking *shrinking)
{
    memcpy(shrinking->candidate, shrinking->best,
           shrinking->best_count * sizeof *shrinking->candidate);
}

static bool drop_end(struct shrinking *shrinking)
{
    bool better = false;
    for (size_t cut = shrinking->best_count; cut; cut /= 2)
        while (shrinking->best_count >= cut) {
            copy_best(shrinking);
            if (!attempt(shrinking, shrinking->best_count - cut))
                break;
            better = true;
        }
    return better;
}

static bool zero_blocks(struct shrinking *shrinking)
{
    bool better = false;
    for (size_t block = shrinking->best_count; block && !spent(shrinking); block /= 2)
        for (size_t at = 0; at < shrinking->best_count; at += block) {
            size_t left = shrinking->best_count - at;
            copy_best(shrinking);
            memset(&shrinking->candidate[at], 0,
                   (left < block ? left : block) * sizeof *shrinking->candidate);
            better |= attempt(shrinking, shrinking->best_count);
        }
    return better;
}

static bool take_out_blocks(struct shrinking *shrinking)
{
    bool better = false;
    for (size_t block = shrinking->best_count / 2; block && !spent(shrinking); block /= 2)
        for (size_t at = 0; at + block < shrinking->best_count;) {
            copy_best(shrinking);
            memmove(&shrinking->candidate[at], &shrinking->candidate[at + block],
                    (shrinking->best_count - at - block) * sizeof *shrinking->candidate);
            if (attempt(shrinking, shrinking->best_count - block))
                better = true;
            else
                at += block;
        }
    return better;
}

/* By halving the distance to what is known not to do. */
static bool lower(struct shrinking *shrinking)
{
    bool better = false;
    for (size_t i = 0; i < shrinking->best_count; i++) {
        uint32_t too_low = 0;
        while (i < shrinking->best_count && shrinking->best[i] > too_low + 1 && !spent(shrinking)) {
            uint32_t middle = too_low + (shrinking->best[i] - too_low) / 2;
            copy_best(shrinking);
            shrinking->candidate[i] = middle;
            if (attempt(shrinking, shrinking->best_count))
                better = true;
            else
                too_low = middle;
        }
    }
    return better;
}

static void shrink_all(struct shrinking *shrinking)
{
    bool better = true;
    while (better && !spent(shrinking)) {
        better = drop_end(shrinking);
        better |= zero_blocks(shrinking);
        better |= take_out_blocks(shrinking);
        better |= lower(shrinking);
    }
}

bool shrink(struct search *search, uint64_t seed, const struct search_outcome *failed,
            struct choice_list *ret_smallest)
{
    size_t room = failed->recorded_count + 1; /* also of none there is something to point to */
    struct shrinking shrinking = {.search = search,
                                  .seed = seed,
                                  .code = failed->code,
                                  .best = calloc(room, sizeof(uint32_t)),
                                  .candidate = calloc(room, sizeof(uint32_t))};
    bool repeated = false;
    if (shrinking.best && shrinking.candidate && !failed->lost) {
        for (size_t i = 0; i < failed->recorded_count; i++)
            shrinking.best[i] = failed->recorded[i].taken;
        shrinking.best_count = without_zeros_at_end(shrinking.best, failed->recorded_count);
        copy_best(&shrinking);
        repeated = fails(&shrinking, shrinking.best_count);
    }
    if (repeated)
        shrink_all(&shrinking);
    free(shrinking.candidate);
    if (repeated)
        *ret_smallest = (struct choice_list){shrinking.best, shrinking.best_count};
    else
        free(shrinking.best);
    return repeated;
}
