/* SPDX-License-Identifier: MIT */
/*
 * Masks for kernel features, from $EDDY_MASK: words with commas between, each a feature or a
 * kernel.
 */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "feature.h"
#include "sanitizer.h"

#define KERNEL(major, minor) ((major)*1000u + (minor))
#define FEATURE(word, major, minor) word, word ", Linux " #major "." #minor, KERNEL(major, minor)

static const struct {
    const char *word, *name;
    unsigned kernel; /* the first one that has it */
} features[FEATURE_COUNT] = {
    [FEATURE_EPOLL_PWAIT2] = {FEATURE("epoll-pwait2", 5, 11)},
    [FEATURE_GUARD_INSTALL] = {FEATURE("guard-install", 6, 13)},
    [FEATURE_URING] = {FEATURE("uring", 6, 1)}, /* parts are older, but that is our floor for it */
    [FEATURE_URING_DEFER_TASKRUN] = {FEATURE("uring-defer-taskrun", 6, 1)},
    [FEATURE_URING_SINGLE_ISSUER] = {FEATURE("uring-single-issuer", 6, 0)},
    [FEATURE_URING_COOP_TASKRUN] = {FEATURE("uring-coop-taskrun", 5, 19)},
    [FEATURE_PIDFD] = {FEATURE("pidfd", 5, 4)},
    [FEATURE_CLOSE_RANGE] = {FEATURE("close-range", 5, 11)},
};

static bool masked[FEATURE_COUNT];
static pthread_once_t masks_read = PTHREAD_ONCE_INIT;

static void mask_unknown(const char *word, size_t length)
{
    (void)fprintf(stderr, "eddy: EDDY_MASK: unknown word '%.*s'; known are", (int)length, word);
    for (size_t i = 0; i < FEATURE_COUNT; i++)
        (void)fprintf(stderr, " %s,", features[i].word);
    (void)fprintf(stderr, " and kernels such as linux-5.10\n");
}

/* "linux-5.10", and nothing behind it but the end of the word. */
static bool parse_kernel(const char *word, size_t length, unsigned *ret_kernel)
{
    unsigned major, minor;
    int end = 0;
    if (sscanf(word, "linux-%3u.%3u%n", &major, &minor, &end) != 2 || (size_t)end != length)
        return false;
    *ret_kernel = KERNEL(major, minor);
    return true;
}

static void mask_word(const char *word, size_t length)
{
    unsigned kernel;
    bool is_kernel = parse_kernel(word, length, &kernel), known = is_kernel;
    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        if (is_kernel
                ? features[i].kernel > kernel
                : strlen(features[i].word) == length && memcmp(features[i].word, word, length) == 0)
            masked[i] = known = true;
    }
    if (!known)
        mask_unknown(word, length);
}

static void read_masks(void)
{
    const char *word = getenv("EDDY_MASK");
    masked[FEATURE_EPOLL_PWAIT2] = sanitizer_is_valgrind(); /* it may not know it, and says so */
    while (word && *word) {
        size_t length = strcspn(word, ", ");
        if (length)
            mask_word(word, length);
        word += length + strspn(word + length, ", ");
    }
}

bool feature_allowed(enum feature feature)
{
    assert(feature < FEATURE_COUNT);
    (void)pthread_once(&masks_read, read_masks);
    return !masked[feature];
}

const char *feature_name(enum feature feature)
{
    assert(feature < FEATURE_COUNT);
    return features[feature].name;
}
