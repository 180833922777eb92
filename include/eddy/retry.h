/* SPDX-License-Identifier: MIT */
/*
 * Retry: try again what failed, after waits that grow and are random.
 *
 *     r = eddy_retry(fetch(url, &page));                               // three times
 *     r = eddy_retry(fetch(url, &page), .attempts = 5, .base = 0.5, .cap = 20,
 *                    .codes = {-ECONNRESET, -ETIMEDOUT});
 *     r = eddy_wait_for(eddy_retry(fetch(url, &page)), 30);            // for 30 s at most
 *
 * The expression is a call that may suspend; it is evaluated once an attempt, in the calling task.
 * Before attempt n + 1 the task sleeps for a random part of base * 2^(n - 1) seconds, capped ("full
 * jitter"), so that many that failed together don't come back together.
 */
#ifndef EDDY_RETRY_H
#define EDDY_RETRY_H

#include <eddy/base.h>
#include <eddy/failure.h>

EDDY_BEGIN_DECLS

/* Every field 0 is the default. */
struct eddy_retry_options {
    const struct eddy_site_ *site_;
    unsigned attempts; /* at most, the first one counted; default 3 */
    double base;       /* seconds; default 0.1 */
    double cap;        /* seconds a wait at most; default 30 */
    bool no_jitter;    /* wait for the whole time, not for a random part */
    int codes[16];     /* what is worth another attempt; default every failure but -EINVAL and
                        * -ECANCELED */
};

struct eddy_retry_ {
    int result;
    unsigned attempt;
    struct eddy_retry_options options;
    eddy_failure *failures;
};
EDDY_API void eddy_retry_begin_(struct eddy_retry_ *retry,
                                const struct eddy_retry_options *options);
EDDY_API bool eddy_retry_next_(struct eddy_retry_ *retry);
EDDY_API void eddy_retry_cleanup_(struct eddy_retry_ *retry);

EDDY_END_DECLS

/* eddy_retry(expression, .field = value, ...): the first result that isn't negative, or the code of
 * the last attempt. With more than one failed attempt eddy_last_failure() has that code and each
 * attempt's failure as a child (of more than 100 the first 99 and the last). A code that isn't
 * worth another attempt ends it. A cancel ends it at once: the result is then -ECANCELED, of the
 * attempt or of the sleep. -EINVAL, without an attempt, for times that are negative or not
 * numbers. */
#define eddy_retry(...) EDDY_RETRY_(EDDY_UNIQUE_(eddy_retry_at_), __VA_ARGS__, )
#define EDDY_RETRY_(memory, expression, ...)                                                       \
    eddy_result_(__extension__({                                                                   \
        _Pragma("GCC diagnostic push") _Pragma(                                                    \
            "GCC diagnostic ignored \"-Wmissing-field-initializers\"") struct eddy_retry_ memory   \
            EDDY_CLEANUP_(eddy_retry_cleanup_);                                                    \
        struct eddy_retry_options eddy_options_ = {.site_ = 0, __VA_ARGS__};                       \
        eddy_options_.site_ = EDDY_SITE_("retry"); /* clang 14 loses it in an initialiser */       \
        _Pragma("GCC diagnostic pop") eddy_retry_begin_(&memory, &eddy_options_);                  \
        while (eddy_retry_next_(&memory))                                                          \
            memory.result = (expression);                                                          \
        memory.result;                                                                             \
    }))

#endif
