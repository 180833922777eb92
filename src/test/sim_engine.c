/* SPDX-License-Identifier: MIT */
/*
 * The simulated engine: watches, turns, and the table of calls.
 *
 * Descriptors of the system beneath aren't part of the simulation: they can't be watched, read or
 * written here (-EPERM), but asked about and closed, so that a stream made of one comes to its
 * error and gives the descriptor back.
 */
#include "test/sim_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "test/sim_datagram.h"
#include "test/sim_file.h"
#include "test/sim_socket.h"

_Static_assert(sizeof(struct sim_watch) <= sizeof(((struct watch *)NULL)->engine),
               "a watch has room for the engine's part");

static struct sim_watch *sim_watch_of(struct watch *watch)
{
    return (struct sim_watch *)(void *)watch->engine;
}

static struct watch *watch_of_link(struct link *link)
{
    void *own = container_of(link, struct sim_watch, link);
    return container_of(own, struct watch, engine);
}

static struct watch *watch_of_socket_link(struct link *link)
{
    void *own = container_of(link, struct sim_watch, of_socket);
    return container_of(own, struct watch, engine);
}

/* ---- watches ---- */

static void edge(struct sim_engine *engine, struct watch *watch)
{
    struct sim_watch *own = sim_watch_of(watch);
    if (watch->level || own->queued)
        return;
    own->queued = true;
    list_append(&engine->edges, &own->link);
}

void sim_edges(struct sim_engine *engine, const struct list *watches)
{
    for (struct link *link = watches->first; link; link = link->next)
        edge(engine, watch_of_socket_link(link));
}

static bool is_watched(const struct sim_socket *socket, int number)
{
    for (struct link *link = socket->watches.first; link; link = link->next)
        if (watch_of_socket_link(link)->descriptor == number)
            return true;
    return false;
}

static int sim_watch(struct engine *base, struct watch *watch)
{
    struct sim_engine *engine = sim_engine_of(base);
    struct sim_descriptor descriptor = sim_descriptor_get(&engine->descriptors, watch->descriptor);
    if (descriptor.kind == SIM_FILE || sim_descriptor_is_real(watch->descriptor))
        return -EPERM;
    if (descriptor.kind == SIM_NOTHING)
        return -EBADF;
    struct sim_socket *socket = descriptor.what;
    if (is_watched(socket, watch->descriptor))
        return -EEXIST;
    struct sim_watch *own = sim_watch_of(watch);
    *own = (struct sim_watch){.socket = socket};
    list_append(&socket->watches, &own->of_socket);
    if (watch->level)
        list_append(&engine->levels, &own->link);
    else if (sim_socket_ready(socket))
        edge(engine, watch);
    return 0;
}

/* What a level watch wants is read each turn. */
static int sim_rewatch(struct engine *base, struct watch *watch)
{
    (void)base;
    return sim_watch_of(watch)->socket ? 0 : -ENOENT;
}

static void watch_end(struct sim_engine *engine, struct watch *watch)
{
    struct sim_watch *own = sim_watch_of(watch);
    if (!own->socket)
        return;
    if (watch->level) {
        if (engine->next_level == &own->link)
            engine->next_level = own->link.next;
        list_remove(&engine->levels, &own->link);
    } else if (own->queued) {
        list_remove(&engine->edges, &own->link);
    }
    list_remove(&own->socket->watches, &own->of_socket);
    own->socket = NULL;
}

void sim_watches_end(struct sim_engine *engine, const struct list *watches, int number)
{
    struct link *next;
    for (struct link *link = watches->first; link; link = next) {
        struct watch *watch = watch_of_socket_link(link);
        next = link->next;
        if (number == -1 || watch->descriptor == number)
            watch_end(engine, watch);
    }
}

static void sim_unwatch(struct engine *base, struct watch *watch)
{
    watch_end(sim_engine_of(base), watch);
}

/* ---- turns ---- */

static int tell(struct sim_engine *engine, struct watch *watch, unsigned wanted)
{
    unsigned what = sim_socket_ready(sim_watch_of(watch)->socket) & wanted;
    if (!what)
        return 0;
    sim_note(engine->sim, SIM_EVENT_READY, (uint64_t)watch->descriptor << 3 | what);
    watch->ready(watch, what);
    return 1;
}

/* Callbacks may unwatch whatever they like, and watch: what they add is told, too. */
int sim_tell_edges(struct sim_engine *engine)
{
    int told = 0;
    struct link *link;
    while ((link = list_take_first(&engine->edges))) {
        struct watch *watch = watch_of_link(link);
        sim_watch_of(watch)->queued = false;
        told += tell(engine, watch, READY_READ | READY_WRITE | READY_HANGUP);
    }
    return told;
}

static int tell_levels(struct sim_engine *engine)
{
    int told = 0;
    struct link *link;
    for (engine->next_level = engine->levels.first; (link = engine->next_level);) {
        struct watch *watch = watch_of_link(link);
        engine->next_level = link->next;
        told += tell(engine, watch, watch->wanted);
    }
    return told;
}

static int sim_turn(struct engine *base, int64_t timeout_ns)
{
    struct sim_engine *engine = sim_engine_of(base);
    struct eddy_loop *loop = engine->loop;
    bool woken = atomic_load_explicit(&engine->woken, memory_order_relaxed) &&
                 atomic_exchange(&engine->woken, false);
    int told = sim_tell_edges(engine);
    told += tell_levels(engine);
    /* The loop would wait without limit, on a clock that no system moves on. */
    if (timeout_ns < 0 && !told && !woken && !loop->timers.count && !atomic_load(&loop->offloaded))
        sim_give_up(engine->sim, -EDEADLK);
    return told;
}

static void sim_wake(struct engine *base)
{
    atomic_store(&sim_engine_of(base)->woken, true);
}

/* Nothing of the system beneath tells of what happens here. */
static int sim_no_descriptor(struct engine *base)
{
    (void)base;
    return -ENOTSUP;
}

/* ---- calls for any kind of descriptor ---- */

void sim_descriptor_release(struct sim_descriptor descriptor)
{
    switch (descriptor.kind) {
    case SIM_NOTHING:
        break;
    case SIM_SOCKET:
    case SIM_PIPE:
        sim_socket_close(descriptor.what);
        break;
    case SIM_FILE:
        sim_file_close(descriptor.what);
        break;
    }
}

static int sim_close(struct engine *base, int number)
{
    struct sim_engine *engine = sim_engine_of(base);
    struct sim_descriptor descriptor = sim_descriptor_get(&engine->descriptors, number);
    if (descriptor.kind == SIM_NOTHING)
        return sim_descriptor_is_real(number) ? engine_socket_close(base, number) : -EBADF;
    sim_descriptor_free(&engine->descriptors, number);
    engine->sim->descriptors = engine->descriptors.open;
    if (descriptor.kind != SIM_FILE)
        sim_watches_end(engine, &((struct sim_socket *)descriptor.what)->watches, number);
    sim_descriptor_release(descriptor);
    return 0;
}

static int64_t sim_position(struct engine *base, int number)
{
    struct sim_engine *engine = sim_engine_of(base);
    struct sim_descriptor descriptor = sim_descriptor_get(&engine->descriptors, number);
    if (descriptor.kind == SIM_FILE)
        return sim_file_position(descriptor.what);
    return descriptor.kind == SIM_NOTHING ? -EBADF : -ESPIPE;
}

static int sim_descriptor_status(struct engine *base, int number, struct stat *ret_status)
{
    struct sim_engine *engine = sim_engine_of(base);
    struct sim_descriptor descriptor = sim_descriptor_get(&engine->descriptors, number);
    switch (descriptor.kind) {
    case SIM_FILE:
        sim_file_status(descriptor.what, ret_status);
        return 0;
    case SIM_SOCKET:
    case SIM_PIPE:
        *ret_status = (struct stat){.st_mode = descriptor.kind == SIM_PIPE ? S_IFIFO | 0600
                                                                           : S_IFSOCK | 0777,
                                    .st_nlink = 1};
        return 0;
    case SIM_NOTHING:
        break;
    }
    return sim_descriptor_is_real(number)
               ? engine_socket_descriptor_status(base, number, ret_status)
               : -EBADF;
}

/* Nothing here ever blocks. */
static int sim_descriptor_flags(struct engine *base, int number, int flags)
{
    struct sim_engine *engine = sim_engine_of(base);
    struct sim_descriptor descriptor = sim_descriptor_get(&engine->descriptors, number);
    if (descriptor.kind == SIM_NOTHING)
        return sim_descriptor_is_real(number) ? engine_socket_descriptor_flags(base, number, flags)
                                              : -EBADF;
    return flags == -1 ? O_RDWR | O_NONBLOCK : 0;
}

/* The simulated disk keeps nothing in memory: each read is an operation, and takes its time. */
static ssize_t sim_read_now(struct engine *base, int number, void *buffer, size_t size,
                            int64_t offset)
{
    (void)base, (void)number, (void)buffer, (void)size, (void)offset;
    return -EAGAIN;
}

/* ---- what the simulated system hasn't got ---- */

static int sim_process_start(struct engine *base, struct process_order *order,
                             struct process_child *child)
{
    (void)base;
    (void)order;
    (void)child;
    return -ENOTSUP;
}

static int sim_process_signal(struct engine *base, const struct process_child *child, int number)
{
    (void)base;
    (void)child;
    (void)number;
    return -ENOTSUP;
}

static int sim_process_reap(struct engine *base, const struct process_child *child, int how,
                            int *code)
{
    (void)base;
    (void)child;
    (void)how;
    (void)code;
    return -ENOTSUP;
}

/* ---- life ---- */

static bool is_stream(enum sim_descriptor_kind kind)
{
    return kind == SIM_SOCKET || kind == SIM_PIPE;
}

/* Watches just end: their memory may be gone. */
static void close_all(struct sim_descriptors *table)
{
    for (size_t i = 0; i < table->capacity; i++)
        if (is_stream(table->entries[i].kind))
            ((struct sim_socket *)table->entries[i].what)->watches = (struct list){.first = NULL};
    for (size_t i = 0; i < table->capacity; i++)
        sim_descriptor_release(table->entries[i]);
}

static void sim_destroy(struct engine *base)
{
    struct sim_engine *engine = sim_engine_of(base);
    struct sim *sim = engine->sim;
    sim_files_cancel(sim->files);
    sim->descriptors = engine->descriptors.open;
    if (sim->network)
        sim_rights_end(sim->network);
    close_all(&engine->descriptors);
    sim_network_free(sim->network);
    sim_files_free(sim->files);
    sim->network = NULL;
    sim->files = NULL;
    sim->loop = NULL;
    free(engine->descriptors.entries);
    free(engine);
}

static const struct engine_vtable sim_vtable = {
    .name = "sim",
    .submits = true,
    .simulated = true,
    .destroy = sim_destroy,
    .turn = sim_turn,
    .wake = sim_wake,
    .descriptor = sim_no_descriptor,
    .watch = sim_watch,
    .rewatch = sim_rewatch,
    .unwatch = sim_unwatch,
    .submit = sim_file_submit,
    .cancel = sim_file_cancel,
    .receive = sim_socket_receive,
    .send = sim_socket_send,
    .receive_message = sim_socket_receive_message,
    .send_message = sim_socket_send_message,
    .send_file = sim_socket_send_file,
    .receive_into_pipe = sim_pipe_fill,
    .send_from_pipe = sim_pipe_drain,
    .take_from_pipe = sim_socket_receive,
    .change_group = sim_change_group,
    .receive_datagrams = sim_datagram_receive,
    .send_datagrams = sim_datagram_send,
    .socket = sim_socket_open,
    .socket_pair = sim_socket_pair,
    .bind = sim_socket_bind,
    .listen = sim_socket_listen,
    .connect = sim_socket_connect,
    .accept = sim_socket_accept,
    .shutdown = sim_socket_shutdown,
    .close = sim_close,
    .local_address = sim_socket_local_address,
    .peer_address = sim_socket_peer_address,
    .set_option = sim_socket_set_option,
    .get_option = sim_socket_get_option,
    .position = sim_position,
    .read_now = sim_read_now,
    .descriptor_status = sim_descriptor_status,
    .descriptor_flags = sim_descriptor_flags,
    .path_status = sim_path_status,
    .path_mode = sim_path_mode,
    .path_remove = sim_path_remove,
    .pipe = sim_pipe,
    .process_start = sim_process_start,
    .process_signal = sim_process_signal,
    .process_reap = sim_process_reap,
};

int sim_engine_create(struct sim *sim, struct eddy_loop *loop, struct engine **ret_engine)
{
    struct sim_engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return -ENOMEM;
    engine->base.call = &sim_vtable;
    engine->sim = sim;
    engine->loop = sim->loop = loop;
    sim->timers = sim->descriptors = 0;
    sim->network = sim_network_create(engine);
    sim->files = sim_files_create(engine);
    if (!sim->network || !sim->files) {
        sim_destroy(&engine->base);
        return -ENOMEM;
    }
    *ret_engine = &engine->base;
    return 0;
}
