/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdio.h>
#include <eddy.h>

/* Fails after a part of the report was written: the file is as it was. */
static int write_report(const char *folder, const char *path)
{
    eddy_temporary *report;
    int r = eddy_temporary_file_open(folder, 0600, &report);
    if (r < 0)
        return r;
    eddy_defer(eddy_temporary_close, report);
    ssize_t n = eddy_file_write(eddy_temporary_file(report), "half a rep", 10);
    if (n == 10)
        n = eddy_fail(-EIO, "the rest of the report doesn't come");
    return n < 0 ? (int)n : eddy_temporary_keep(report, path);
}

static int print(const char *path)
{
    eddy_file *file;
    char line[80];
    int r = eddy_file_open(path, O_RDONLY, 0, &file);
    if (r < 0)
        return r;
    ssize_t n = eddy_file_read_line(file, line, sizeof line);
    if (n > 0)
        printf("%s\n", line);
    r = eddy_file_close(file);
    return n < 0 ? (int)n : r;
}

static int program(void)
{
    eddy_temporary *folder;
    char path[PATH_MAX];
    int r = eddy_temporary_directory_open(NULL, &folder);
    if (r < 0)
        return r;
    eddy_defer(eddy_temporary_close, folder);
    snprintf(path, sizeof path, "%s/report", eddy_temporary_path(folder));

    r = eddy_replace_file(path, "yesterday's report", 18, 0600);
    if (r == 0 && write_report(eddy_temporary_path(folder), path) < 0)
        printf("%s\n", eddy_failure_message(eddy_last_failure()));
    return r < 0 ? r : print(path);
}

int main(void)
{
    return eddy_run(program) < 0;
}
