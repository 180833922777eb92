/* SPDX-License-Identifier: MIT */
/*
 * Rate limiter: at most so many a second. A token bucket.
 *
 *     static eddy_rate_limiter limiter = EDDY_RATE_LIMITER_INIT(10, 3);   // 10/s, 3 at once
 *     r = eddy_rate_limiter_acquire(&limiter, 1);
 *     if (r == 0)
 *         r = fetch(url);
 *
 * The bucket starts full, with `burst` tokens, and fills at `rate` tokens a second of the loop's
 * clock. Tokens may be anything that is counted: requests, or the bytes of a transfer. First come,
 * first served: a small request doesn't overtake a large one that waits. While tasks wait for it a
 * limiter belongs to their loop: a call from another one is refused.
 */
#ifndef EDDY_RATE_LIMITER_H
#define EDDY_RATE_LIMITER_H

#include <eddy/base.h>

EDDY_BEGIN_DECLS

typedef struct eddy_rate_limiter {
    double rate_, burst_;
    uint64_t private_[8];
} eddy_rate_limiter;

/* Tokens a second and tokens at most; both more than 0 and finite. */
#define EDDY_RATE_LIMITER_INIT(rate, burst)                                                        \
    {                                                                                              \
        (rate), (burst),                                                                           \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

/* Takes so many tokens, suspending until there are enough and nobody waits before. If there are, it
 * doesn't suspend, also in a cancelled scope. A cancel takes none; tokens that were handed over are
 * taken even if a cancel arrives before the task runs. 0, -ECANCELED, -EINVAL (0 tokens or fewer,
 * more than the burst: there would never be enough; a limiter made with impossible numbers). */
EDDY_API EDDY_ASYNC int eddy_rate_limiter_acquire(eddy_rate_limiter *limiter, double tokens);

/* The same without suspending: -EAGAIN where it would wait. May be called by callbacks. */
EDDY_API EDDY_MUST_USE int eddy_rate_limiter_acquire_nowait(eddy_rate_limiter *limiter,
                                                            double tokens);

/* Tokens in the bucket now; 0 for NULL. */
EDDY_API double eddy_rate_limiter_tokens(const eddy_rate_limiter *limiter);

EDDY_END_DECLS
#endif
