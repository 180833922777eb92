/* SPDX-License-Identifier: MIT */
/* A look at a process by its number, also one that isn't this one's child. */
#ifndef EDDY_TESTS_SUPPORT_PROCESS_STATE_H
#define EDDY_TESTS_SUPPORT_PROCESS_STATE_H

#include "test.h"

/* From /proc/PID/stat: the parent, 0 if there is no such process; a zombie counts as one. */
TEST_HELPER pid_t parent_of(const char *pid, char *ret_state)
{
    char path[300], line[512] = "";
    int parent = 0;
    (void)snprintf(path, sizeof path, "/proc/%s/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    const char *name_end = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    if (!name_end || sscanf(name_end + 1, " %c %d", ret_state, &parent) != 2)
        parent = 0;
    (void)fclose(file);
    return parent;
}

/* As ps(1) shows it; X: there is no such process. */
TEST_HELPER char process_state(pid_t pid)
{
    char number[16], state = 'X';
    (void)snprintf(number, sizeof number, "%d", pid);
    return parent_of(number, &state) ? state : 'X';
}

/* A zombie doesn't: whoever is to reap it may take their time. */
TEST_HELPER bool process_runs(pid_t pid)
{
    char state = process_state(pid);
    return state != 'Z' && state != 'X';
}

#endif
