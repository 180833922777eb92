/* SPDX-License-Identifier: MIT */
/* The call graph as a text. */
#ifndef EDDY_TESTS_SUPPORT_GRAPH_H
#define EDDY_TESTS_SUPPORT_GRAPH_H

#include <stdio.h>
#include <eddy.h>

/* What eddy_print_call_graph prints; good until the next call. */
static const char *graph_of(eddy_task *task)
{
    static char text[16 << 10];
    FILE *stream = tmpfile();
    eddy_print_call_graph(task, stream);
    rewind(stream);
    text[fread(text, 1, sizeof text - 1, stream)] = '\0';
    (void)fclose(stream);
    return text;
}

#endif
