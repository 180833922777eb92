/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <eddy.h>

static int make_file(const char *path)
{
    eddy_file *file;
    int r = eddy_file_open(path, O_WRONLY | O_CREAT, 0600, &file);
    return r < 0 ? r : eddy_file_close(file);
}

static int program(void)
{
    eddy_temporary *folder; /* closing removes it, and what is in it */
    char deep[PATH_MAX], file[PATH_MAX];
    int err, r = eddy_temporary_directory_open(NULL, &folder);
    if (r < 0)
        return r;
    eddy_defer(eddy_temporary_close, folder);
    const char *path = eddy_temporary_path(folder);
    snprintf(deep, sizeof deep, "%s/one/two", path);
    snprintf(file, sizeof file, "%s/one/two/three", path);
    r = eddy_make_directories(deep, 0700);
    if (r == 0)
        r = make_file(file);

    eddy_foreach (struct eddy_walk_entry *, entry, &err, eddy_walk, .path = path)
        printf("%*s%s%s\n", 2 * ((int)entry->depth - 1), "", entry->name,
               entry->type == DT_DIR ? "/" : "");

    snprintf(deep, sizeof deep, "%s/one", path);
    int removed = eddy_remove_tree(deep);
    return r < 0 ? r : err < 0 ? err : removed;
}

int main(void)
{
    return eddy_run(program) < 0;
}
