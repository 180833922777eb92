/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <eddy.h>

static int make_file(const char *path)
{
    eddy_file *file;
    int r = eddy_file_open(path, O_WRONLY | O_CREAT, 0600, &file);
    return r < 0 ? r : eddy_file_close(file);
}

static int program(void)
{
    char folder[] = "/tmp/eddy-directory-XXXXXX", deep[64], file[80];
    int err;
    if (!mkdtemp(folder))
        return -errno;
    snprintf(deep, sizeof deep, "%s/one/two", folder);
    snprintf(file, sizeof file, "%s/three", deep);
    int r = eddy_make_directories(deep, 0700);
    if (r == 0)
        r = make_file(file);

    eddy_foreach (struct eddy_walk_entry *, entry, &err, eddy_walk, .path = folder)
        printf("%*s%s%s\n", 2 * ((int)entry->depth - 1), "", entry->name,
               entry->type == DT_DIR ? "/" : "");

    int removed = eddy_remove_tree(folder);
    return r < 0 ? r : err < 0 ? err : removed;
}

int main(void)
{
    return eddy_run(program) < 0;
}
