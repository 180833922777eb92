/* SPDX-License-Identifier: MIT */
/*
 * Operations on files under way: each is a timer of the loop, and is carried out when that fires.
 *
 * A cancel comes too late or in time, as chance has it: as on a real system, where it depends on
 * how far the kernel is. The tamest choice is that it comes too late.
 */
#include <errno.h>
#include <stdlib.h>
#include "blocking.h"
#include "test/sim_file.h"

/* What Linux moves at most in one call. */
#define TRANSFER_MAX ((size_t)0x7ffff000)

struct sim_operation {
    struct timer timer;
    struct link link; /* in the files' operations */
    struct sim_engine *engine;
    struct operation *operation;
    struct sim_file *files[2]; /* of the descriptors as they were at the beginning; NULL: none */
    bool cancelled;
};

/* ---- carrying out ---- */

static int open_file(struct sim_engine *engine, struct sim_inode *from,
                     const struct operation *operation)
{
    int r = 0;
    struct sim_file *file = sim_file_open(engine->sim->files, from, operation->path,
                                          operation->flags, &r);
    if (!file)
        return r;
    r = sim_descriptor_take(&engine->descriptors, SIM_FILE, file);
    engine->sim->descriptors = engine->descriptors.open;
    if (r < 0)
        sim_file_close(file);
    return r;
}

static int transfer(struct sim_file *file, const struct operation *operation)
{
    size_t size = operation->size < TRANSFER_MAX ? operation->size : TRANSFER_MAX;
    if (operation->kind == OPERATION_READ)
        return (int)sim_file_read(file, operation->buffer, size, operation->offset);
    return (int)sim_file_write(file, operation->buffer, size, operation->offset);
}

static int status(struct sim_files *files, struct sim_inode *from, const struct sim_file *file,
                  const struct operation *operation)
{
    int r = 0;
    if (!operation->path && !file)
        return -EBADF;
    const struct sim_inode *inode = operation->path ? sim_tree_find(files, from, operation->path,
                                                                    false, NULL, &r)
                                                    : file->inode;
    if (inode)
        sim_inode_status(inode, operation->buffer);
    return r;
}

static int carry_out(struct sim_operation *own)
{
    const struct operation *operation = own->operation;
    struct sim_files *files = own->engine->sim->files;
    struct sim_file *file = own->files[0];
    if (operation->within && !file)
        return -EBADF;
    struct sim_inode *from = operation->within ? file->inode : NULL;
    switch (operation->kind) {
    case OPERATION_OPEN:
        return open_file(own->engine, from, operation);
    case OPERATION_READ:
    case OPERATION_WRITE:
        return file ? transfer(file, operation) : -EBADF;
    case OPERATION_SYNC:
        return file ? sim_file_sync(file) : -EBADF;
    case OPERATION_CLOSE:
        return own->engine->base.call->close(&own->engine->base, operation->descriptor);
    case OPERATION_MAKE_DIRECTORY:
        return sim_tree_make_directory(files, operation->path);
    case OPERATION_RENAME:
        return sim_tree_rename(files, operation->path, operation->second_path);
    case OPERATION_UNLINK:
        return sim_tree_unlink(files, from, operation->path);
    case OPERATION_REMOVE_DIRECTORY:
        return sim_tree_remove_directory(files, from, operation->path);
    case OPERATION_STATUS:
        return status(files, from, file, operation);
    case OPERATION_TRUNCATE:
        return file ? sim_file_truncate(file, operation->offset) : -EBADF;
    case OPERATION_LIST:
        return file ? (int)sim_file_list(file, operation->buffer, operation->size) : -EBADF;
    case OPERATION_LOCK:
        return file ? sim_file_lock(file, operation->flags) : -EBADF;
    case OPERATION_COPY:
        return file && own->files[1]
                   ? (int)sim_file_copy(file, own->files[1], operation->size, operation->offset)
                   : -EBADF;
    case OPERATION_EXTENT:
        return file ? sim_file_extent(file, operation->offset, operation->buffer) : -EBADF;
    case OPERATION_NOTIFY: /* nobody but the program changes this disk */
    case OPERATION_NOTIFY_ADD:
    case OPERATION_NOTIFY_REMOVE:
        return -ENOTSUP;
    }
    return -EINVAL;
}

/* The operation's memory is its owner's again once done() was called. */
static void finish(struct sim_operation *own, int result)
{
    struct operation *operation = own->operation;
    struct sim *sim = own->engine->sim;
    list_remove(&sim->files->operations, &own->link);
    for (int i = 0; i < 2; i++)
        if (own->files[i])
            sim_file_close(own->files[i]);
    free(own);
    sim_note(sim, SIM_EVENT_FILE, (uint64_t)operation->kind << 32 | (uint32_t)result);
    operation->done(operation, result);
}

static void operation_due(struct timer *timer)
{
    struct sim_operation *own = container_of(timer, struct sim_operation, timer);
    sim_timer_fired(own->engine->sim);
    finish(own, own->cancelled ? -ECANCELED : carry_out(own));
}

/* ---- calls of the engine ---- */

/* With a reference of its own, or NULL. */
static struct sim_file *file_of(struct sim_engine *engine, int number)
{
    struct sim_descriptor descriptor = sim_descriptor_get(&engine->descriptors, number);
    struct sim_file *file = descriptor.kind == SIM_FILE ? descriptor.what : NULL;
    if (file)
        file->references++;
    return file;
}

int sim_file_submit(struct engine *base, struct operation *operation)
{
    struct sim_engine *engine = sim_engine_of(base);
    struct sim *sim = engine->sim;
    struct sim_operation *own = calloc(1, sizeof *own);
    if (!own)
        return -ENOMEM;
    own->engine = engine;
    own->operation = operation;
    operation->engine[0] = (uintptr_t)own;
    own->files[0] = file_of(engine, operation->descriptor);
    own->files[1] = file_of(engine, operation->second_descriptor);
    const struct eddy_sim_disk *disk = &sim->options.disk;
    timer_init(&own->timer, operation_due);
    sim_timer_set(sim, &own->timer,
                  time_add(loop_now(sim->loop),
                           choose_delay(&sim->choices, disk->delay_min, disk->delay_max)));
    list_append(&sim->files->operations, &own->link);
    return 0;
}

void sim_file_cancel(struct engine *base, struct operation *operation)
{
    struct sim *sim = sim_engine_of(base)->sim;
    struct sim_operation *own = (struct sim_operation *)(uintptr_t)operation->engine[0];
    if (choose(&sim->choices, 2) == 0)
        return;
    own->cancelled = true;
    sim_timer_cancel(sim, &own->timer);
    sim_timer_set(sim, &own->timer, loop_now(sim->loop));
}

void sim_files_cancel(struct sim_files *files)
{
    while (files && files->operations.first) {
        struct sim_operation *own = container_of(files->operations.first, struct sim_operation,
                                                 link);
        sim_timer_cancel(own->engine->sim, &own->timer);
        finish(own, -ECANCELED);
    }
}
