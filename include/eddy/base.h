/* SPDX-License-Identifier: MIT */
/*
 * What every other header of eddy builds on: attributes, version, helpers of the macros.
 *
 * Conventions, said once for all headers:
 *   - A function that can fail returns a negative errno code, else 0 or a count. eddy_last_failure()
 *     then tells what and where.
 *   - Seconds are double, sizes are size_t in bytes.
 *   - Output parameters come last and stay untouched on failure.
 *   - A function declared EDDY_ASYNC may suspend the calling task. Inside a cancelled scope it
 *     returns -ECANCELED instead of suspending; one that needn't suspend succeeds even there.
 *     Called outside a task it prints one line that says so and returns -EINVAL.
 *   - Names that end in an underscore are for the macros only.
 */
#ifndef EDDY_BASE_H
#define EDDY_BASE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EDDY_VERSION_MAJOR 0
#define EDDY_VERSION_MINOR 1
#define EDDY_VERSION_PATCH 0
#define EDDY_VERSION "0.1.0"

#ifdef __cplusplus
#define EDDY_BEGIN_DECLS extern "C" {
#define EDDY_END_DECLS }
#else
#define EDDY_BEGIN_DECLS
#define EDDY_END_DECLS
#endif

#define EDDY_API __attribute__((__visibility__("default")))
#define EDDY_MUST_USE __attribute__((__warn_unused_result__))
#define EDDY_PRINTF(format, first) __attribute__((__format__(__printf__, format, first)))

/* Marks a function that may suspend its task; its result must be looked at. For your own, too. */
#ifdef __clang__
#define EDDY_ASYNC __attribute__((__warn_unused_result__, __annotate__("eddy_async")))
#else
#define EDDY_ASYNC __attribute__((__warn_unused_result__))
#endif

#define EDDY_CAT2_(a, b) a##b
#define EDDY_CAT_(a, b) EDDY_CAT2_(a, b)
#define EDDY_UNIQUE_(base)                                                                         \
    EDDY_CAT_(base, __COUNTER__) /* nested blocks stay silent under -Wshadow */
#define EDDY_CLEANUP_(function) __attribute__((__cleanup__(function), __unused__))

/* No limit in time: a timeout that never fires, a shield without an end. */
#define EDDY_FOREVER (__builtin_inf())

EDDY_BEGIN_DECLS

/* Any function that a task, a thread or a worker process can run: int function(struct arguments
 * *). */
typedef int eddy_function_(void *);

/* Where a task was spawned or a block entered; the macros make one static one per place. */
struct eddy_site_ {
    const char *function; /* the function spawned, or the kind of block */
    const char *file;
    int line;
};

/* The version of the library that runs, "0.1.0"; EDDY_VERSION is the one compiled against. */
EDDY_API const char *eddy_version(void);

/* Gives a value its warn_unused_result back after a statement expression lost it. */
static inline EDDY_ASYNC int eddy_result_(int result)
{
    return result;
}
static inline EDDY_ASYNC int64_t eddy_wide_result_(int64_t result)
{
    return result;
}

EDDY_END_DECLS

/* The one of the two that fits what the expression gives, which isn't evaluated by this. */
#ifdef __cplusplus
#define EDDY_AUTO_ const auto
#define EDDY_RESULT_AS_(expression) eddy_cxx_::result
namespace eddy_cxx_ {
template <class Result> EDDY_ASYNC Result result(Result value)
{
    return value;
}
} // namespace eddy_cxx_
#else
#define EDDY_AUTO_ const __auto_type
#define EDDY_RESULT_AS_(expression)                                                                \
    __builtin_choose_expr(sizeof(__typeof__(expression)) > sizeof(int), eddy_wide_result_,         \
                          eddy_result_)
#endif

#ifdef __cplusplus
#define EDDY_SITE_(name)                                                                           \
    ([]() -> const struct eddy_site_ * {                                                           \
        static const struct eddy_site_ eddy_place_ = {name, __FILE__, __LINE__};                   \
        return &eddy_place_;                                                                       \
    }())
#else
#define EDDY_SITE_(name)                                                                           \
    __extension__({                                                                                \
        static const struct eddy_site_ eddy_place_ = {name, __FILE__, __LINE__};                   \
        &eddy_place_;                                                                              \
    })
#endif

#endif
