/* SPDX-License-Identifier: MIT */
/*
 * Locals: sets of values, sorted by the addresses of their locals. A set that only its holder has
 * is changed in place; a shared one is copied first.
 */
#include "eddy/local.h"
#include <pthread.h>
#include <string.h>
#include "local.h"
#include "log.h"
#include "memory.h"

#define TOKEN_FRESH UINT64_C(0x65646479746f6b65) /* "eddytoke" */
#define LOCALS_STEP 4

struct local_entry {
    const eddy_local *local;
    void *value; /* never NULL */
};

struct locals {
    atomic_size_t references;
    size_t count, capacity;
    struct local_entry entries[];
};

struct local_token {
    uint64_t state; /* TOKEN_FRESH until it was used */
    const eddy_local *local;
    void *value;
    uint64_t task; /* its sequence, 0 outside tasks */
};

_Static_assert(sizeof(struct local_token) <= sizeof(eddy_local_token), "the token is too small");

/* ---- sets ---- */

_Thread_local struct locals *locals_outside;
static pthread_key_t outside_key;
static pthread_once_t outside_once = PTHREAD_ONCE_INIT;

struct locals *locals_keep(struct locals *locals)
{
    (void)atomic_fetch_add_explicit(&locals->references, 1, memory_order_relaxed);
    return locals;
}

void locals_release(struct locals *locals)
{
    if (atomic_fetch_sub_explicit(&locals->references, 1, memory_order_acq_rel) == 1)
        memory_free(locals);
}

/* A thread that ends gives its set back, the main thread when the program does. */
static void outside_forget(void *unused)
{
    (void)unused;
    locals_leave(NULL);
}

static void outside_key_create(void)
{
    (void)pthread_key_create(&outside_key, outside_forget);
}

__attribute__((__destructor__)) static void main_thread_forget(void)
{
    outside_forget(NULL);
}

/* Where the current set is. */
static struct locals **locals_slot(void)
{
    struct task *task = task_current();
    return task ? &task->locals : &locals_outside;
}

/* The place of the local among the entries, or where it would stand. */
static size_t locals_place(const struct locals *locals, const eddy_local *local)
{
    size_t low = 0, high = locals ? locals->count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((uintptr_t)locals->entries[middle].local < (uintptr_t)local)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool locals_has(const struct locals *locals, size_t place, const eddy_local *local)
{
    return locals && place < locals->count && locals->entries[place].local == local;
}

/* Makes the set in the slot the holder's own, with room for one more entry. */
static int locals_own(struct locals **slot)
{
    struct locals *old = *slot;
    size_t count = old ? old->count : 0;
    if (old && count < old->capacity &&
        atomic_load_explicit(&old->references, memory_order_acquire) == 1)
        return 0;
    size_t capacity = count + LOCALS_STEP;
    struct locals *own = memory_allocate(sizeof *own + capacity * sizeof own->entries[0]);
    if (!own)
        return eddy_fail(-ENOMEM, "no memory for the values of %zu locals", count + 1);
    atomic_init(&own->references, 1);
    own->count = count;
    own->capacity = capacity;
    if (old) {
        memcpy(own->entries, old->entries, count * sizeof own->entries[0]);
        locals_release(old);
    } else if (slot == &locals_outside) {
        pthread_once(&outside_once, outside_key_create);
        (void)pthread_setspecific(outside_key, &locals_outside);
    }
    *slot = own;
    return 0;
}

static int locals_change(const eddy_local *local, void *value)
{
    struct locals **slot = locals_slot();
    size_t place = locals_place(*slot, local);
    bool there = locals_has(*slot, place, local);
    if (!there && !value)
        return 0;
    int r = locals_own(slot);
    if (r < 0)
        return r;
    struct locals *locals = *slot;
    struct local_entry *entry = &locals->entries[place];
    size_t behind = locals->count - place;
    if (!value) {
        memmove(entry, entry + 1, (behind - 1) * sizeof *entry);
        if (--locals->count == 0) {
            locals_release(locals);
            *slot = NULL;
        }
        return 0;
    }
    if (!there) {
        memmove(entry + 1, entry, behind * sizeof *entry);
        locals->count++;
    }
    *entry = (struct local_entry){local, value};
    return 0;
}

/* ---- public ---- */

void *eddy_local_get(const eddy_local *local)
{
    const struct locals *locals = *locals_slot();
    size_t place = locals_place(locals, local);
    return locals_has(locals, place, local) ? locals->entries[place].value : NULL;
}

static uint64_t task_number(void)
{
    const struct task *task = task_current();
    return task ? task->slot->sequence : 0;
}

int eddy_local_set(eddy_local *local, const void *value, eddy_local_token *memory)
{
    if (!local)
        return log_misuse(-EINVAL, "eddy_local_set", "NULL local");
    void *before = eddy_local_get(local);
    int r = locals_change(local, (void *)(uintptr_t)value);
    if (r == 0 && memory)
        *(struct local_token *)(void *)memory = (struct local_token){TOKEN_FRESH, local, before,
                                                                     task_number()};
    return r;
}

int eddy_local_reset(eddy_local *local, eddy_local_token *memory)
{
    struct local_token *token = (struct local_token *)(void *)memory;
    const char *wrong = !local || !token               ? "NULL local or token"
                        : token->state != TOKEN_FRESH  ? "the token was used already"
                        : token->local != local        ? "the token is another local's"
                        : token->task != task_number() ? "the token is another task's"
                                                       : NULL;
    if (wrong)
        return log_misuse(-EINVAL, "eddy_local_reset", "%s", wrong);
    int r = locals_change(local, token->value);
    if (r == 0)
        token->state = 0;
    return r;
}

bool eddy_local_enter_(struct eddy_local_block_ *block, eddy_local *local, const void *value,
                       int *error)
{
    int r = eddy_local_set(local, value, &block->token);
    block->local = r == 0 ? local : NULL;
    block->error = error;
    if (error)
        *error = r;
    return r == 0;
}

void eddy_local_leave_(struct eddy_local_block_ *block)
{
    if (block->local && eddy_local_reset(block->local, &block->token) < 0)
        log_say(NULL, EDDY_LOG_WARNING, EDDY_LOG_NOTE,
                "eddy_with_local: no memory to bring the old value back");
    block->local = NULL;
}
