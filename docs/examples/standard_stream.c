/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

/* Lines of the input up to its end, or as many as come within a second. */
static EDDY_ASYNC int count_lines(eddy_stream *input)
{
    char line[1024];
    int count = 0, err;
    ssize_t n = 0;
    eddy_with_timeout (1.0, &err) {
        while ((n = eddy_stream_read_line(input, line, sizeof line)) > 0)
            count++;
    }
    return n < 0 && err != -ETIMEDOUT ? (int)n : count;
}

static int program(void)
{
    eddy_stream *input, *output;
    char text[64];
    int r = eddy_standard_input(&input);
    if (r < 0)
        return r;
    r = eddy_standard_output(&output);
    if (r == 0) {
        r = count_lines(input);
        if (r >= 0) {
            int size = snprintf(text, sizeof text, "%d lines\n", r);
            r = (int)eddy_stream_write(output, text, (size_t)size);
        }
        eddy_stream_close(output);
    }
    eddy_stream_close(input);
    return r < 0 ? r : 0;
}

int main(void)
{
    return eddy_run(program) < 0;
}
