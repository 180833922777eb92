/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

struct lines {
    const char *text;
};
static int lines(struct lines *a) /* async def lines(text): ... yield word */
{
    char line[80];
    size_t length = 0;
    for (const char *at = a->text;; at++) {
        if (*at && *at != '\n') {
            line[length++] = *at;
            continue;
        }
        line[length] = '\0';
        length = 0;
        int r = eddy_sleep(1.0);
        if (r == 0)
            r = eddy_yield(line);
        if (r < 0)
            return r;
        if (!*at)
            return 0;
    }
}

static int read_them(void)
{
    int err;
    double start = eddy_time();
    eddy_foreach (const char *, line, &err, lines, .text = "one\ntwo\nthree\nfour") {
        printf("%.0f s: %s\n", eddy_time() - start, line);
        if (line[0] == 't' && line[1] == 'h')
            break; /* the generator ends, and its clean-up has run, before the next line */
    }
    return err;
}

int main(void)
{
    return eddy_run(read_them) < 0;
}
