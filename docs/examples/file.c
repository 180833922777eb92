/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdio.h>
#include <eddy.h>

static int copy_words(const char *path)
{
    eddy_file *file;
    int r = eddy_file_open(path, O_RDWR | O_CREAT, 0600, &file);
    if (r < 0)
        return r;
    char text[64];
    ssize_t n = eddy_file_write(file, "kept on the disk\n", 17);
    if (n >= 0)
        n = eddy_file_pread(file, text, sizeof text - 1, 8);
    if (n >= 0)
        printf("%.*s", (int)n, text);
    if (n >= 0)
        n = eddy_file_seek(file, 0, SEEK_SET);
    if (n >= 0)
        n = eddy_file_read_line(file, text, sizeof text);
    if (n >= 0)
        printf("a line: %s", text);
    r = eddy_file_close(file);
    return n < 0 ? (int)n : r;
}

static int program(void)
{
    eddy_temporary *folder; /* closing removes it, and what is in it */
    char path[PATH_MAX];
    int r = eddy_temporary_directory_open(NULL, &folder);
    if (r < 0)
        return r;
    eddy_defer(eddy_temporary_close, folder);
    snprintf(path, sizeof path, "%s/words", eddy_temporary_path(folder));
    r = copy_words(path);

    eddy_file *file;
    if (eddy_file_open("/no/such/file", O_RDONLY, 0, &file) < 0)
        printf("%s\n", eddy_failure_message(eddy_last_failure()));
    return r;
}

int main(void)
{
    return eddy_run(program) < 0;
}
