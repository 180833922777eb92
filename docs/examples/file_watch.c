/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

struct write_later {
    const char *path;
};

static int write_later(struct write_later *a)
{
    int r = eddy_sleep(1);
    return r < 0 ? r : eddy_replace_file(a->path, "colour = blue\n", 14, 0600);
}

static int program(void)
{
    eddy_temporary *folder;
    eddy_file_watch *watch;
    struct eddy_file_event event;
    char path[128];
    int err, r = eddy_temporary_directory_open(NULL, &folder);
    if (r < 0)
        return r;
    eddy_defer(eddy_temporary_close, folder);
    if ((r = eddy_file_watch_open(&watch)) < 0)
        return r;
    eddy_defer(eddy_file_watch_close, watch);

    snprintf(path, sizeof path, "%s/settings", eddy_temporary_path(folder));
    r = eddy_file_watch_add(watch, eddy_temporary_path(folder), IN_MOVED_TO);
    eddy_with_group (group, &err) {
        eddy_spawn(group, write_later, .path = path);
        if (r >= 0)
            r = eddy_file_watch_next(watch, &event);
        if (r == 0)
            printf("%s has changed\n", event.name);
    }
    return r < 0 ? r : err;
}

int main(void)
{
    return eddy_run(program) < 0;
}
