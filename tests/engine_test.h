/* SPDX-License-Identifier: MIT */
/*
 * What the tests of engines share: an engine for each test, the one that $EDDY_ENGINE names.
 */
#ifndef EDDY_TESTS_ENGINE_TEST_H
#define EDDY_TESTS_ENGINE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "engine/engine.h"

static inline const char *engine_wanted(void)
{
    const char *name = getenv("EDDY_ENGINE");
    return name && *name ? name : "epoll";
}

/* Running the tests of one engine on another would be a pass for nothing: a skip then, and said. */
static inline int engine_up(void **state)
{
    struct engine *engine;
    char why[128];
    assert_int_equal(engine_create(engine_wanted(), &engine, why, sizeof why), 0);
    if (strcmp(engine->call->name, engine_wanted()) != 0) {
        engine->call->destroy(engine);
        print_message("SKIP: no %s here: %s\n", engine_wanted(), why);
        *state = NULL;
        return 0;
    }
    *state = engine;
    return 0;
}

static inline int engine_down(void **state)
{
    struct engine *engine = *state;
    if (engine)
        engine->call->destroy(engine);
    return 0;
}

/* First thing in a test. */
#define ENGINE_OR_SKIP(state)                                                                      \
    ({                                                                                             \
        if (!*(state))                                                                             \
            skip();                                                                                \
        (struct engine *)*(state);                                                                 \
    })

#endif
