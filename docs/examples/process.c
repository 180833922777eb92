/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

static int sort_numbers(void)
{
    static const char input[] = "10\n9\n1\n";
    eddy_process *sort;
    int r = eddy_process_exec((const char *const[]){"sort", "-n", NULL},
                              &(struct eddy_process_options){.stdin_from = EDDY_PIPE,
                                                             .stdout_to = EDDY_PIPE},
                              &sort);
    if (r < 0)
        return r;
    eddy_defer(eddy_process_close, sort);
    int code;
    r = eddy_process_communicate(sort, input, sizeof input - 1, &code);
    if (r == 0)
        printf("%ssort ended with %d\n", eddy_process_output(sort, NULL), code);
    return r;
}

/* printf ... | grep b | wc -l */
static int count_lines(void)
{
    const char *const print[] = {"printf", "bee\\nant\\nbug\\n", NULL};
    const char *const find[] = {"grep", "b", NULL}, *const count[] = {"wc", "-l", NULL};
    eddy_process *all[3];
    int codes[3];
    int r = eddy_process_pipeline((const char *const *const[]){print, find, count}, 3,
                                  &(struct eddy_process_options){.stdout_to = EDDY_PIPE}, all);
    if (r < 0)
        return r;
    r = eddy_process_communicate_all(all, 3, NULL, 0, codes);
    if (r == 0)
        printf("%d, %d, %d: %s", codes[0], codes[1], codes[2], eddy_process_output(all[2], NULL));
    for (int i = 0; i < 3; i++)
        eddy_process_close(all[i]);
    return r;
}

static int program(void)
{
    int r = sort_numbers();
    if (r == 0)
        r = count_lines();

    eddy_process *missing;
    if (eddy_process_exec((const char *const[]){"no-such-program", NULL}, NULL, &missing) < 0)
        printf("%s\n", eddy_failure_message(eddy_last_failure()));
    return r;
}

int main(void)
{
    return eddy_run(program) < 0;
}
