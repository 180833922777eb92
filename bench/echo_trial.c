/* SPDX-License-Identifier: MIT
 *
 * Forks server and load, and reads the server's CPU clock, or its memory, around the part that
 * counts. The load says "warm" and "done" through a pipe and waits for "go" on another.
 */
#define _GNU_SOURCE
#include "echo_trial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "echo_load.h"
#include "machine.h"
#include "memory.h"
#include "stopwatch.h"

enum { PATIENCE_SECONDS = 120 };

struct trial {
    const struct echo_server *server;
    size_t size; /* of a message */
    size_t connections;
    uint64_t messages;
    uint64_t warm_up; /* messages */
    bool idle;        /* the connections belong to the part that counts */
    int listener;
    uint16_t port;
    int to_load[2];
    int from_load[2];
    pid_t server_process;
    pid_t load_process;
};

/* What the load sends home, when warm and when done. */
struct word {
    int error;
    uint64_t messages;
};

static int open_listener(struct trial *trial)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t length = sizeof(address);

    trial->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (trial->listener < 0)
        return -errno;
    if (bind(trial->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        getsockname(trial->listener, (struct sockaddr *)&address, &length) < 0)
        return -errno;
    trial->port = ntohs(address.sin_port);
    if (trial->server->binds_itself) {
        /* The number was free a moment ago, and ephemeral ones aren't handed out twice at once. */
        close(trial->listener);
        trial->listener = -1;
        return 0;
    }
    return listen(trial->listener, 4096) < 0 ? -errno : 0;
}

static pid_t fork_quietly(void)
{
    fflush(NULL);
    pid_t process = fork();
    if (process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        alarm(PATIENCE_SECONDS); /* a stuck benchmark ends, whatever it is stuck on */
    }
    return process;
}

static void server_main(const struct trial *trial)
{
    machine_pin(MACHINE_SERVER_CORE);
    close(trial->to_load[1]);
    close(trial->from_load[0]);
    close(trial->to_load[0]);
    close(trial->from_load[1]);
    int error = trial->server->serve(trial->listener, trial->port, trial->size);
    /* The exit status carries the reason; Linux' codes all fit. */
    _exit(error < 0 ? -error : ECANCELED);
}

/* Connects and plays; with all in *load connected already it just plays. */
static void play(const struct trial *trial, size_t connections, uint64_t messages,
                 struct echo_load **load, struct word *ret_word)
{
    if (*load == NULL)
        ret_word->error = echo_load_open(trial->port, connections, trial->size, load);
    if (ret_word->error == 0)
        ret_word->error = echo_load_play(*load, messages, 0, &ret_word->messages);
}

static bool send_word(const struct trial *trial, const struct word *word)
{
    return write(trial->from_load[1], word, sizeof(*word)) == sizeof(*word);
}

static void load_main(const struct trial *trial)
{
    struct echo_load *first = NULL, *crowd = NULL;
    struct word word = {.error = 0};
    char go;

    machine_pin(MACHINE_CLIENT_CORE);
    close(trial->to_load[1]);
    close(trial->from_load[0]);
    if (trial->listener >= 0)
        close(trial->listener);
    play(trial, trial->idle ? 1 : trial->connections, trial->warm_up, &first, &word);
    if (!send_word(trial, &word) || word.error < 0)
        _exit(1);
    if (read(trial->to_load[0], &go, 1) != 1)
        _exit(1);
    play(trial, trial->connections, trial->messages, trial->idle ? &crowd : &first, &word);
    if (!send_word(trial, &word))
        _exit(1);
    (void)read(trial->to_load[0], &go, 1); /* stays connected until it is killed */
    _exit(0);
}

static int wait_for_word(const struct trial *trial, uint64_t *ret_messages)
{
    struct word word;
    ssize_t length = read(trial->from_load[0], &word, sizeof(word));
    if (length != sizeof(word))
        return -ECHILD; /* the load died */
    if (word.error == 0)
        *ret_messages = word.messages;
    return word.error;
}

/* Lets the part that counts happen. */
static int go(const struct trial *trial)
{
    uint64_t messages = 0;

    if (write(trial->to_load[1], "g", 1) != 1)
        return -errno;
    int error = wait_for_word(trial, &messages);
    return error == 0 && messages != trial->messages ? -EBADMSG : error;
}

static int measure_time(const struct trial *trial, struct sample *ret_sample)
{
    struct stopwatch watch;

    int error = stopwatch_start_on(&watch, trial->server_process);
    if (error < 0)
        return error;
    error = go(trial);
    stopwatch_stop(&watch, trial->messages, ret_sample);
    return error;
}

static int measure_memory(const struct trial *trial, struct sample *ret_sample)
{
    struct memory_use before, after;

    int error = memory_use_read_of(trial->server_process, &before);
    if (error == 0)
        error = go(trial);
    if (error == 0)
        error = memory_use_read_of(trial->server_process, &after);
    if (error == 0)
        memory_use_sample(&before, &after, trial->connections, ret_sample);
    return error;
}

static int measure(const struct trial *trial, struct sample *ret_sample)
{
    uint64_t messages;

    int error = wait_for_word(trial, &messages); /* that it is warm */
    if (error < 0)
        return error;
    return trial->idle ? measure_memory(trial, ret_sample) : measure_time(trial, ret_sample);
}

/* If the load failed because the server had given up, the server's reason is the better one. */
static int end_processes(const struct trial *trial, int error)
{
    int status = 0;
    bool server_ended = false;

    if (trial->load_process > 0) {
        kill(trial->load_process, SIGKILL);
        waitpid(trial->load_process, NULL, 0);
    }
    if (trial->server_process > 0) {
        server_ended = waitpid(trial->server_process, &status, WNOHANG) == trial->server_process;
        if (!server_ended) {
            kill(trial->server_process, SIGKILL);
            waitpid(trial->server_process, NULL, 0);
        }
    }
    if (error < 0 && server_ended && WIFEXITED(status) && WEXITSTATUS(status) != 0)
        return -WEXITSTATUS(status);
    return error;
}

static int start_processes(struct trial *trial)
{
    trial->server_process = fork_quietly();
    if (trial->server_process < 0)
        return -errno;
    if (trial->server_process == 0)
        server_main(trial);

    trial->load_process = fork_quietly();
    if (trial->load_process < 0)
        return -errno;
    if (trial->load_process == 0)
        load_main(trial);

    /* Ours must go, or nobody would see the other ends close. */
    close(trial->to_load[0]);
    close(trial->from_load[1]);
    trial->to_load[0] = trial->from_load[1] = -1;
    if (trial->listener >= 0)
        close(trial->listener);
    trial->listener = -1;
    return 0;
}

static void close_all(const struct trial *trial)
{
    const int descriptors[] = {trial->listener, trial->to_load[0], trial->to_load[1],
                               trial->from_load[0], trial->from_load[1]};
    for (size_t i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]); i++)
        if (descriptors[i] >= 0)
            close(descriptors[i]);
}

static uint64_t larger(uint64_t one, uint64_t other)
{
    return one > other ? one : other;
}

static int run(struct trial *trial, struct sample *ret_sample)
{
    trial->listener = -1;
    trial->to_load[0] = trial->to_load[1] = trial->from_load[0] = trial->from_load[1] = -1;

    int error = machine_allow_descriptors(trial->connections + 64); /* server and load, each */
    if (error == 0 && (pipe(trial->to_load) < 0 || pipe(trial->from_load) < 0))
        error = -errno;
    if (error == 0)
        error = open_listener(trial);
    if (error == 0)
        error = start_processes(trial);
    if (error == 0)
        error = measure(trial, ret_sample);
    error = end_processes(trial, error);
    close_all(trial);
    return error;
}

int echo_trial_run(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    struct trial trial = {
        .server = self->context,
        .size = self->size,
        .connections = self->parameter,
        /* So that every connection has its part in a short one, too. */
        .messages = larger(operations, self->parameter),
        .warm_up = larger(operations / 5, self->parameter * 5),
    };
    return run(&trial, ret_sample);
}

int echo_trial_run_idle(const struct contender *self, uint64_t connections,
                        struct sample *ret_sample)
{
    struct trial trial = {
        .server = self->context,
        .size = self->size,
        .connections = connections,
        .messages = connections,
        .warm_up = 1,
        .idle = true,
    };
    return run(&trial, ret_sample);
}
