/* SPDX-License-Identifier: MIT */
/*
 * A supervisor of programs, as systemd or runit is one: each is started again by its policy, after
 * a pause that grows, and too many restarts within a minute end it all.
 *
 *     group, EDDY_SUPERVISE          a task a program: its failure is the program's, so the group
 *      |- task: server  --- sleep    starts the task again, counts the restarts, and gives up;
 *      `- task: importer --- sh      cancelling the group ends the programs
 *
 * Whatever ends a task (its program's end, a cancel, a failure of another) closes its process:
 * SIGTERM, three seconds of grace, SIGKILL for it and all that it has started.
 */
#include <stdio.h>
#include <eddy.h>

enum restart {
    RESTART_ALWAYS,
    RESTART_ON_FAILURE,
};

struct program {
    const char *name, *command;
    enum restart restart;
    int starts; /* so far */
};

static struct program server = {"server", "exec sleep 1000", RESTART_ALWAYS, 0};

/* Exits with 7, then is killed, then does what it should. */
static struct program importer = {
    "importer",
    "case $START in 1) exit 7;; 2) kill -KILL $$;; *) exit 0;; esac",
    RESTART_ON_FAILURE,
    0,
};

static int start(struct program *program, eddy_process **process)
{
    char number[32];
    (void)snprintf(number, sizeof number, "START=%d", program->starts);
    const char *const environment[] = {number, "PATH=/usr/bin:/bin", NULL};
    const struct eddy_process_options options = {.stdin_from = EDDY_DEVNULL,
                                                 .environment = environment,
                                                 .group = EDDY_OWN_GROUP,
                                                 .grace = 3.0};
    return eddy_process_shell(program->command, &options, process);
}

/* What the policy makes of an end: 0, or a failure, which has the group start it again. */
static int judge(const struct program *program, int code)
{
    if (code < 0)
        printf("%s was killed by signal %d\n", program->name, -code);
    else
        printf("%s ended with %d\n", program->name, code);
    if (code == 0 && program->restart == RESTART_ON_FAILURE)
        return 0;
    return eddy_fail(-ECHILD, "%s ended", program->name);
}

struct supervise {
    struct program *program;
};

static EDDY_ASYNC int supervise(struct supervise *a)
{
    struct program *program = a->program;
    if (program->starts++) {
        double pause = program->starts < 8 ? 0.1 * (1 << (program->starts - 2)) : 10.0;
        printf("%s starts again in %.1f s\n", program->name, pause);
        int r = eddy_sleep(pause);
        if (r < 0)
            return r;
    }
    eddy_process *process;
    int code, r = start(program, &process);
    if (r < 0)
        return r;
    printf("%s runs\n", program->name);
    eddy_defer(eddy_process_close, process);
    r = eddy_process_wait(process, &code);
    if (r == -ECANCELED)
        printf("%s is asked to end\n", program->name);
    return r < 0 ? r : judge(program, code);
}

static EDDY_ASYNC int main_task(void)
{
    int err;
    eddy_with_group (group, &err, .policy = EDDY_SUPERVISE, .restarts = 5, .restart_seconds = 60) {
        eddy_spawn(group, supervise, .program = &server);
        eddy_task *import = eddy_spawn(group, supervise, .program = &importer);
        err = eddy_task_wait(import); /* a service would wait for SIGTERM here: eddy/signal.h */
        eddy_group_cancel(group);
    }
    printf("all ended\n");
    return err;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
