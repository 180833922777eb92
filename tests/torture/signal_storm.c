/* SPDX-License-Identifier: MIT */
/*
 * Runs a program in a storm of signals: each of its threads gets SIGUSR1 over and over, wherever it
 * happens to be.
 *
 *     signal_storm [--restart] PRELOAD PROGRAM [ARGUMENT...]
 *
 * PRELOAD is preload.so, which handles the signal; with --restart by SA_RESTART, so that the system
 * goes on with most calls by itself, else they end with EINTR. Processes that it forks are left
 * alone: one may be about to execute a program that doesn't handle the signal. Ends as the program
 * did (128 + N by signal N), and says on stderr how many signals there were.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_THREADS = 512, PAUSE_NS = 200000 /* between two rounds of signals */ };

static unsigned long long sent;

/* The threads that the program has now. */
static size_t look_for_threads(pid_t program, pid_t *threads)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)program);
    DIR *folder = opendir(path);
    size_t count = 0;
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (entry->d_name[0] != '.' && count < MAX_THREADS)
            threads[count++] = atoi(entry->d_name);
    if (folder)
        (void)closedir(folder);
    return count;
}

/* Has the program got so far that it handles the signal? */
static bool is_ready(pid_t program)
{
    char path[64], line[256];
    unsigned long long caught = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)program);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "SigCgt:", 7) == 0)
            caught = strtoull(line + 7, NULL, 16);
    if (file)
        (void)fclose(file);
    return caught >> (SIGUSR1 - 1) & 1;
}

static int storm(pid_t program)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    pid_t threads[MAX_THREADS];
    size_t count = 0;
    int status;
    bool ready = false;
    for (unsigned round = 0; waitpid(program, &status, WNOHANG) == 0; round++) {
        ready = ready || is_ready(program);
        if (ready && round % 16 == 0)
            count = look_for_threads(program, threads);
        for (size_t i = 0; i < count; i++)
            sent += syscall(SYS_tgkill, program, threads[i], SIGUSR1) == 0;
        (void)nanosleep(&pause, NULL);
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
    bool restart = argc > 1 && strcmp(argv[1], "--restart") == 0;
    char **arguments = argv + 1 + restart;
    if (argc < 3 + restart) {
        fprintf(stderr, "usage: %s [--restart] PRELOAD PROGRAM [ARGUMENT...]\n", argv[0]);
        return 2;
    }
    pid_t program = fork();
    if (program == 0) {
        (void)setsid();
        (void)setenv("LD_PRELOAD", arguments[0], 1);
        (void)setenv("EDDY_STORM", restart ? "restart" : "interrupt", 1);
        (void)execv(arguments[1], arguments + 1);
        perror(arguments[1]);
        _exit(127);
    }
    if (program < 0) {
        perror("fork");
        return 2;
    }
    int result = storm(program);
    fprintf(stderr, "signal_storm: %llu signals\n", sent);
    return result;
}
