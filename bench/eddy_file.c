/* SPDX-License-Identifier: MIT
 *
 * eddy_file_pread on what is in memory, beside the hop to a thread that it saves; and on what
 * isn't, by 64 tasks.
 */
#include <stdio.h>
#include <unistd.h>

#include "eddy_contenders.h"
#include "file_load.h"
#include "stopwatch.h"

static int open_file(eddy_file **file)
{
    char path[64];
    int descriptor = file_load_open();
    if (descriptor < 0)
        return descriptor;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", descriptor);
    return eddy_file_open(path, O_RDONLY, 0, file);
}

struct read_job {
    int descriptor;
    char *block;
    uint64_t offset;
};

static int read_job(struct read_job *job)
{
    return (int)pread(job->descriptor, job->block, FILE_BLOCK, (off_t)job->offset);
}

struct file_main {
    uint64_t operations;
    const char *how; /* "now", "hop", "cold" */
    struct sample *ret_sample;
};

static int warm_main(struct file_main *a)
{
    const bool hops = a->how[0] == 'h';
    char block[FILE_BLOCK];
    struct stopwatch watch;
    eddy_file *file;
    int error = open_file(&file);
    if (error < 0)
        return error;
    for (uint64_t n = 0; n < FILE_WARM_BLOCKS && error >= 0; n++)
        error = (int)eddy_file_pread(file, block, FILE_BLOCK, n * FILE_BLOCK);
    stopwatch_start(&watch);
    for (uint64_t i = 0; i < a->operations && error >= 0; i++) {
        uint64_t offset = i % FILE_WARM_BLOCKS * FILE_BLOCK;
        struct read_job job = {eddy_file_descriptor(file), block, offset};
        error = hops ? eddy_to_thread(read_job, &job)
                     : (int)eddy_file_pread(file, block, FILE_BLOCK, offset);
        if (error >= 0 && (error != FILE_BLOCK || !file_load_holds(block, offset)))
            error = -EIO;
    }
    stopwatch_stop(&watch, a->operations, a->ret_sample);
    int closed = eddy_file_close(file);
    return error < 0 ? error : closed;
}

struct reader {
    eddy_file *file;
    uint64_t *next, operations;
};

static int reader(struct reader *a)
{
    char block[FILE_BLOCK];
    while (*a->next < a->operations) {
        uint64_t offset = file_load_offset((*a->next)++);
        ssize_t n = eddy_file_pread(a->file, block, FILE_BLOCK, offset);
        if (n != FILE_BLOCK || !file_load_holds(block, offset))
            return n < 0 ? (int)n : -EIO;
    }
    return 0;
}

static int cold_main(struct file_main *a)
{
    struct stopwatch watch;
    uint64_t next = 0;
    eddy_file *file;
    int error = open_file(&file);
    if (error < 0)
        return error;
    error = -posix_fadvise(eddy_file_descriptor(file), 0, 0, POSIX_FADV_RANDOM);
    if (error == 0)
        error = file_load_chill();
    stopwatch_start(&watch);
    if (error == 0)
        eddy_with_group (readers, &error) {
            for (int i = 0; i < FILE_DEPTH; i++)
                eddy_spawn(readers, reader, .file = file, .next = &next,
                           .operations = a->operations);
        }
    stopwatch_stop(&watch, a->operations, a->ret_sample);
    int closed = eddy_file_close(file);
    return error < 0 ? error : closed;
}

static int file_main(struct file_main *a)
{
    return a->how[0] == 'c' ? cold_main(a) : warm_main(a);
}

static int run_file(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    const struct eddy_options options = EDDY_BENCH_OPTIONS;
    return eddy_run_with(&options, file_main, .operations = operations, .how = self->context,
                         .ret_sample = ret_sample);
}

const struct contender eddy_file_contenders[] = {
    {.group = "pread", .name = "eddy_file_pread", .run = run_file, .context = "now"},
    {.group = "pread", .name = "pread by eddy_to_thread", .run = run_file, .context = "hop"},
    {.group = "pread-cold",
     .name = "eddy_file_pread, 64 tasks",
     .run = run_file,
     .context = "cold"},
    {.name = NULL},
};
