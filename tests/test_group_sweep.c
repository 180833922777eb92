/* SPDX-License-Identifier: MIT */
/*
 * A small program for each group policy, for the limit and for readiness, through everything that
 * support/survive.h has for it.
 */
#define TEST_DEFAULTS .real_system = true
#include "support/survive.h"

struct part {
    int *running, *most, *ended;
    int turns, result;
};

static int part(struct part *a)
{
    int r = 0;
    if (++*a->running > *a->most)
        *a->most = *a->running;
    for (int i = 0; i < a->turns && r == 0; i++)
        r = eddy_sleep(i == 0);
    --*a->running;
    *a->ended += r == 0 && a->result >= 0;
    return r < 0 ? r : a->result;
}

static int scenario_limit(void)
{
    int err, running = 0, most = 0, ended = 0;
    eddy_with_group (g, &err, .policy = EDDY_RUN_ALL, .limit = 2) {
        for (int i = 0; i < 6; i++)
            eddy_spawn(g, part, &running, &most, &ended, .turns = 1 + i % 3);
        if (eddy_sleep(0.5) == 0)
            eddy_task_cancel(eddy_spawn(g, part, &running, &most, &ended, .turns = 1));
    }
    wrong_if(running != 0, "a child was left");
    wrong_if(most > 2, "three at once");
    return err;
}

static int scenario_enough(void)
{
    int err, running = 0, most = 0, ended = 0;
    eddy_with_group (g, &err, .policy = EDDY_ENOUGH, .wanted = 2, .limit = 3)
        for (int i = 0; i < 5; i++)
            eddy_spawn(g, part, &running, &most, &ended, .turns = 1 + i,
                       .result = i % 2 ? -EIO : i);
    wrong_if(running != 0, "a child was left");
    wrong_if(err == 0 && ended < 2, "not enough, and no error");
    return err == -ENODATA ? 0 : err;
}

struct phoenix {
    int *lives, *alive;
};

static int phoenix(struct phoenix *a)
{
    ++*a->alive;
    int r = eddy_sleep(1);
    --*a->alive;
    return r < 0 ? r : ++*a->lives % 3 ? eddy_fail(-EIO, "ashes") : 0;
}

static int scenario_supervise(void)
{
    int err, lives = 0, alive = 0;
    eddy_with_group (g, &err, .policy = EDDY_SUPERVISE, .restarts = 4, .restart_seconds = 9)
        for (int i = 0; i < 2; i++)
            eddy_spawn(g, phoenix, &lives, &alive);
    wrong_if(alive != 0, "a child was left");
    wrong_if(err == 0 && lives < 1, "no error, and no life");
    return err;
}

struct server {
    int port;
    int *listening;
};

static int server(struct server *a)
{
    int r = eddy_sleep(1);
    if (r < 0)
        return r;
    ++*a->listening;
    r = eddy_ready(a->port);
    r = r < 0 ? r : eddy_sleep(1);
    --*a->listening;
    return r;
}

static int opens(void)
{
    int err, listening = 0;
    eddy_with_group (g, &err) {
        for (int port = 1; port <= 2 && err == 0; port++) {
            int r = eddy_spawn_ready(g, server, .port = port, .listening = &listening);
            wrong_if(r >= 0 && r != port, "another value");
            err = r < 0 ? r : 0;
        }
    }
    wrong_if(listening != 0, "a child was left");
    return err;
}

static int scenario_ready(void)
{
    int err;
    eddy_with_group (g, &err, .limit = 2)
        for (int i = 0; i < 3; i++)
            eddy_spawn(g, opens);
    return err;
}

SURVIVES(limit)
SURVIVES(enough)
SURVIVES(supervise)
SURVIVES(ready)
