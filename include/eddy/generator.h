/* SPDX-License-Identifier: MIT */
/*
 * Generators: functions that hand out one value after the other. async for, async generators.
 *
 *     struct count { int from, to; };
 *     static int count(struct count *a)
 *     {
 *         for (int i = a->from; i < a->to; i++) {
 *             int r = eddy_yield(&i);
 *             if (r < 0)
 *                 return r;
 *         }
 *         return 0;
 *     }
 *
 *     eddy_foreach (int *, value, &err, count, .from = 1, .to = 4)
 *         printf("%d\n", *value);
 *
 * A generator is a task that runs only while its loop waits for the next value: on a stack of its
 * own, so any function it calls may yield, and it may suspend in between (sleep, read). Control
 * goes straight from one to the other; other tasks get their turn when either really waits.
 *
 * It doesn't outlive its loop: break, return, goto, an error of the body or a cancel end it. Its
 * waits and yields are then refused (-ECANCELED), its clean-up runs, and it is joined, before the
 * program goes on behind the loop.
 */
#ifndef EDDY_GENERATOR_H
#define EDDY_GENERATOR_H

#include <eddy/task.h>

EDDY_BEGIN_DECLS

typedef struct eddy_generator {
    uint64_t private_[24];
} eddy_generator;

/* Hands the value to the loop and suspends until it asks for the next one: 0. What it points to is
 * the generator's and must stay until then. -ECANCELED: no more is wanted, or the generator is in a
 * cancelled scope; clean up and return. -EINVAL outside a generator, or for NULL. A timeout around
 * a yield doesn't cut it short while the body runs; it is felt at the next wait. */
EDDY_API EDDY_ASYNC int eddy_yield(const void *value);

/* eddy_foreach (type, value, &err, function, .field = value, ...) { ... }: runs the block for each
 * value that the generator `function` yields, with the pointer in `value`, a variable of the block
 * of the pointer type `type`; it is good for this round. Suspends when the generator does. break,
 * continue and return do what they do in any loop.
 *
 * err (which may be NULL) is 0 at entry. It gets, if it is 0 or -ECANCELED then, what the generator
 * failed with, also after a break in its clean-up (the failure is the last one); -ECANCELED if a
 * cancel cut its waits short; -EINVAL outside a task, -ENOMEM or -EAGAIN if it couldn't be made. A
 * body that sets it negative ends the loop. */
#define eddy_foreach(type, value, error, ...)                                                      \
    EDDY_FOREACH_(EDDY_UNIQUE_(eddy_generator_at_), EDDY_UNIQUE_(eddy_once_), type, value, error,  \
                  __VA_ARGS__)
#define EDDY_FOREACH_(memory, once, type, value, error, ...)                                       \
    for (eddy_generator memory EDDY_CLEANUP_(eddy_generator_cleanup_),                             \
         *once = (eddy_generator_enter_(&memory, error),                                           \
                  EDDY_FORM_(__VA_ARGS__)(eddy_generator_open_, &memory, __VA_ARGS__));            \
         once; once = eddy_generator_leave_(&memory))                                              \
        for (type value; (value = (type)eddy_generator_next_(&memory)) != NULL;)

EDDY_API void eddy_generator_enter_(eddy_generator *generator, int *error);
EDDY_API eddy_generator *eddy_generator_open_(eddy_generator *generator, eddy_function_ *function,
                                              const void *arguments, size_t size,
                                              enum eddy_arguments_kind_ kind,
                                              const struct eddy_site_ *site);
EDDY_API void *eddy_generator_next_(eddy_generator *generator);
EDDY_API eddy_generator *eddy_generator_leave_(eddy_generator *generator);
EDDY_API void eddy_generator_cleanup_(eddy_generator *generator);

EDDY_END_DECLS
#endif
