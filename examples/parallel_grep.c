/* SPDX-License-Identifier: MIT */
/*
 * A parallel `find | grep`: one task walks the directories, sixteen search the files.
 *
 *     parallel_grep TEXT [DIRECTORY]
 *
 * Between them is a queue of 64 paths, so the walk waits for the searchers and memory is bounded,
 * however many files there are. What can't be opened or read is told on stderr, and the rest goes
 * on. Called without arguments it searches a small tree of its own making.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <eddy.h>
#include "command_line.h"

struct grep {
    const char *text, *directory;
    eddy_queue paths; /* of char *, each its taker's */
    char **found;     /* lines, sorted and printed at the end: no two files in a jumble */
    size_t count;
};

static int remember(struct grep *grep, const char *path, int number, const char *line)
{
    char **grown = realloc(grep->found, (grep->count + 1) * sizeof *grown), *text;
    if (!grown)
        return -ENOMEM;
    grep->found = grown;
    if (asprintf(&text, "%s:%04d: %.*s", path, number, (int)strcspn(line, "\n"), line) < 0)
        return -ENOMEM;
    grep->found[grep->count++] = text;
    return 0;
}

static EDDY_ASYNC int search_file(struct grep *grep, const char *path)
{
    eddy_file *file;
    char line[4096];
    ssize_t n;
    int number = 0, r = eddy_file_open(path, O_RDONLY, 0, &file);
    if (r < 0)
        return r;
    eddy_defer(eddy_file_close, file);
    while ((n = eddy_file_read_line(file, line, sizeof line)) > 0) {
        number++;
        if (memmem(line, (size_t)n, grep->text, strlen(grep->text)) &&
            (r = remember(grep, path, number, line)) < 0)
            return r;
    }
    return (int)n;
}

struct searcher {
    struct grep *grep;
};

static EDDY_ASYNC int searcher(struct searcher *a)
{
    char *path;
    int r;
    while ((r = eddy_queue_get(&a->grep->paths, &path)) == 0) {
        r = search_file(a->grep, path);
        free(path);
        if (r == -ECANCELED || r == -ENOMEM)
            return r;
        if (r < 0 && r != -EMSGSIZE) /* what has no lines is no text */
            fprintf(stderr, "%s\n", eddy_failure_message(eddy_last_failure()));
    }
    return r == -EPIPE ? 0 : r; /* no more are to come */
}

static EDDY_ASYNC int find(struct grep *grep)
{
    int err;
    eddy_foreach (struct eddy_walk_entry *, entry, &err, eddy_walk, .path = grep->directory) {
        if (entry->error)
            fprintf(stderr, "%s: %s\n", entry->path, eddy_error_name(entry->error));
        if (entry->type != DT_REG)
            continue;
        char *path = strdup(entry->path);
        err = path ? eddy_queue_put(&grep->paths, &path) : -ENOMEM;
        if (err < 0)
            free(path);
    }
    eddy_queue_shutdown(&grep->paths);
    return err;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static EDDY_ASYNC int grep_in(const char *text, const char *directory)
{
    struct grep grep = {.text = text, .directory = directory};
    char *path;
    int err = eddy_queue_open(&grep.paths, sizeof(char *), 64);
    if (err < 0)
        return err;
    eddy_with_group (group, &err) {
        for (int i = 0; i < 16; i++)
            eddy_spawn(group, searcher, .grep = &grep);
        err = find(&grep);
    }
    while (eddy_queue_get_nowait(&grep.paths, &path) == 0) /* after an error */
        free(path);
    eddy_queue_close(&grep.paths);
    if (grep.count)
        qsort(grep.found, grep.count, sizeof *grep.found, by_text);
    for (size_t i = 0; i < grep.count; i++) {
        puts(grep.found[i]);
        free(grep.found[i]);
    }
    free(grep.found);
    return err;
}

/* a.txt, b.txt in a directory below, and one that can't be read as lines. */
static EDDY_ASYNC int make_tree(void)
{
    static const char first[] = "an apple\na pear\n", second[] = "no pear\na plum\ntwo pears";
    int r = eddy_make_directories("fruit/more", 0700);
    if (r == 0)
        r = eddy_replace_file("fruit/a.txt", first, sizeof first - 1, 0600);
    if (r == 0)
        r = eddy_replace_file("fruit/more/b.txt", second, sizeof second - 1, 0600);
    if (r == 0)
        r = eddy_replace_file("fruit/more/c.txt", "", 0, 0600);
    return r;
}

static EDDY_ASYNC int demonstration(void)
{
    eddy_temporary *folder;
    int r = eddy_temporary_directory_open(NULL, &folder);
    if (r < 0)
        return r;
    eddy_defer(eddy_temporary_close, folder);
    if (chdir(eddy_temporary_path(folder)) < 0)
        return -errno;
    r = make_tree();
    if (r == 0)
        r = grep_in("pear", "fruit");
    return chdir("/") < 0 ? -errno : r;
}

struct main_task {
    const char *text, *directory;
};

static EDDY_ASYNC int main_task(struct main_task *a)
{
    return a->text ? grep_in(a->text, a->directory) : demonstration();
}

static const char usage[] = "usage: parallel_grep [TEXT [DIRECTORY]]\n"
                            "Searches all files below it, or below this one; else shows itself.\n";

int main(int argc, char **argv)
{
    int r;
    if (says_usage(usage, argc, argv, argc <= 3, &r))
        return r;
    return eddy_run(main_task, .text = argc > 1 ? argv[1] : NULL,
                    .directory = argc > 2 ? argv[2] : ".") < 0;
}
