/* SPDX-License-Identifier: MIT
 *
 * The floor of starting a program and waiting for its end: posix_spawn(3) and waitpid(2), nothing
 * in between.
 */
#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "floors.h"
#include "process.h"

static int spawn_and_wait(void)
{
    char *const arguments[] = {"/bin/true", NULL};
    pid_t pid;
    int status, error = posix_spawn(&pid, arguments[0], NULL, NULL, arguments, environ);
    if (error > 0)
        return -error;
    if (waitpid(pid, &status, 0) < 0)
        return -errno;
    return status == 0 ? 0 : -EIO;
}

static int run_process(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    struct process_watch watch;
    (void)self;
    int error = 0;
    process_watch_start(&watch);
    for (uint64_t i = 0; i < operations && error == 0; i++)
        error = spawn_and_wait();
    process_watch_stop(&watch, operations, ret_sample);
    return error;
}

const struct contender floor_process_contenders[] = {
    {.group = "process", .name = "posix_spawn, waitpid", .is_floor = true, .run = run_process},
    {.name = NULL},
};
