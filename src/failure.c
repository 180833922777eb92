/* SPDX-License-Identifier: MIT */
/*
 * Failure records: what stands in for exceptions. One allocation each, reference-counted, because
 * a failed task's record is shared by everyone who awaits the task.
 */
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "cancellation.h"
#include "failure.h"
#include "loop.h"
#include "memory.h"
#include "task.h"

/* Outside tasks each thread has a last failure of its own; the key exists for its destructor. */
static _Thread_local struct eddy_failure *thread_failure;
static pthread_key_t thread_key;
static pthread_once_t thread_once = PTHREAD_ONCE_INIT;

static void thread_forget(void *slot)
{
    struct eddy_failure **failure = slot;
    eddy_failure_release(*failure);
    *failure = NULL;
}

static void thread_key_create(void)
{
    (void)pthread_key_create(&thread_key, thread_forget);
}

/* Threads clean up by the key's destructor, the main thread when the program ends. */
__attribute__((__destructor__)) static void main_thread_forget(void)
{
    thread_forget(&thread_failure);
}

struct eddy_failure **failure_slot(void)
{
    struct eddy_loop *loop = loop_self;
    if (loop && loop->current)
        return &loop->current->failure;
    if (!thread_failure) {
        pthread_once(&thread_once, thread_key_create);
        (void)pthread_setspecific(thread_key, &thread_failure);
    }
    return &thread_failure;
}

static struct eddy_failure *failure_allocate(int code, const char *task, size_t length)
{
    size_t task_size = strlen(task) + 1;
    struct eddy_failure *failure = memory_allocate(sizeof *failure + length + 1 + task_size);
    if (!failure)
        return NULL;
    *failure = (struct eddy_failure){.references = 1, .code = code, .file = ""};
    memcpy(failure->message + length + 1, task, task_size);
    failure->task = failure->message + length + 1;
    return failure;
}

static struct eddy_failure *failure_format(int code, const char *file, int line, const char *format,
                                           va_list arguments)
{
    char name[TASK_NAME_SIZE];
    task_current_name(name);
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    struct eddy_failure *failure = failure_allocate(code, name, length < 0 ? 0 : (size_t)length);
    if (!failure)
        return NULL;
    failure->message[0] = '\0';
    if (length > 0)
        (void)vsnprintf(failure->message, (size_t)length + 1, format, arguments);
    failure->file = file;
    failure->line = line;
    return failure;
}

/* Without memory for a record: one that has at least the code. Whoever learns of an error by a NULL
 * asks the last failure for it, and would take none for a success. One an errno, shared by all
 * threads and only read once it is made; `references` says "in several places". */
static struct eddy_failure *failure_permanent(int code)
{
    enum { ERRNO_MOST = 255 };
    static const char text[] = "no memory to say more";
    union permanent {
        struct eddy_failure failure;
        char memory[sizeof(struct eddy_failure) + sizeof text];
    };
    static union permanent all[ERRNO_MOST + 1];
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    if (code < -ERRNO_MOST)
        return NULL;
    union permanent *one = &all[-code];
    (void)pthread_mutex_lock(&lock);
    if (!one->failure.permanent) {
        one->failure = (struct eddy_failure){
            .references = 2, .permanent = true, .code = code, .file = ""};
        memcpy(one->failure.message, text, sizeof text);
        one->failure.task = one->failure.message + sizeof text - 1;
    }
    (void)pthread_mutex_unlock(&lock);
    return &one->failure;
}

struct eddy_failure *failure_make(int code, const char *file, int line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct eddy_failure *failure = failure_format(code, file, line, format, arguments);
    va_end(arguments);
    return failure;
}

struct eddy_failure *failure_make_text(int code, const char *task, const char *message)
{
    size_t length = strlen(message);
    struct eddy_failure *failure = failure_allocate(code, task, length);
    if (failure)
        memcpy(failure->message, message, length + 1);
    return failure;
}

void failure_add_child(struct eddy_failure *failure, struct eddy_failure *child)
{
    if (failure->count == failure->capacity) {
        size_t capacity = failure->capacity ? 2 * failure->capacity : 4;
        void *grown = memory_reallocate(failure->children, capacity * sizeof(*failure->children));
        if (!grown) {
            eddy_failure_release(child);
            return;
        }
        failure->children = grown;
        failure->capacity = capacity;
    }
    failure->children[failure->count++] = child;
}

void failure_move_children(struct eddy_failure *to, struct eddy_failure *from)
{
    to->children = from->children;
    to->count = from->count;
    to->capacity = from->capacity;
    from->children = NULL;
    from->count = from->capacity = 0;
}

void failure_set(struct eddy_failure *failure)
{
    struct eddy_failure **slot = failure_slot();
    struct eddy_failure *old = *slot;
    struct task *task = task_current();
    if (task && task->untold)
        cancellation_owe(task, NULL);
    *slot = failure;
    eddy_failure_release(old);
}

struct eddy_failure *failure_take(int code)
{
    if (code == -ECANCELED)
        (void)eddy_last_failure();
    struct eddy_failure **slot = failure_slot();
    struct eddy_failure *failure = *slot;
    if (!failure || failure->code != code)
        return NULL;
    *slot = NULL;
    return failure;
}

int eddy_fail_(int code, bool because, const char *file, int line, const char *format, ...)
{
    if (code >= 0)
        code = -EINVAL;
    va_list arguments;
    va_start(arguments, format);
    struct eddy_failure *failure = failure_format(code, file, line, format, arguments);
    va_end(arguments);
    struct eddy_failure *cause = because ? (struct eddy_failure *)eddy_last_failure() : NULL;
    if (!failure)
        failure = failure_permanent(code);
    else if (cause) {
        if (cause->depth + 1 >= FAILURE_DEPTH) {
            eddy_failure_release(cause->cause);
            cause->cause = NULL;
            cause->depth = 0;
        }
        failure->cause = failure_keep(cause);
        failure->depth = cause->depth + 1;
    }
    failure_set(failure);
    return code;
}

const eddy_failure *eddy_last_failure(void)
{
    struct task *task = task_current();
    if (task && task->untold)
        cancellation_pay(task);
    return *failure_slot();
}

void eddy_failure_clear(void)
{
    failure_set(NULL);
}

int eddy_failure_code(const eddy_failure *failure)
{
    return failure ? failure->code : 0;
}

const char *eddy_failure_message(const eddy_failure *failure)
{
    return failure ? failure->message : "";
}

const char *eddy_failure_file(const eddy_failure *failure)
{
    return failure ? failure->file : "";
}

int eddy_failure_line(const eddy_failure *failure)
{
    return failure ? failure->line : 0;
}

const char *eddy_failure_task(const eddy_failure *failure)
{
    return failure ? failure->task : "";
}

const eddy_failure *eddy_failure_cause(const eddy_failure *failure)
{
    return failure ? failure->cause : NULL;
}

size_t eddy_failure_count(const eddy_failure *failure)
{
    return failure ? failure->count : 0;
}

const eddy_failure *eddy_failure_child(const eddy_failure *failure, size_t index)
{
    return failure && index < failure->count ? failure->children[index] : NULL;
}

/* Depth-first over the leaves. One record may stand in several places (a task that fails and one
 * that awaits it end with the same): its first place is the one that counts. */
struct failure_walk {
    const eddy_failure *root, *after; /* after turns NULL once it was passed */
    const eddy_failure *leaf;         /* or, without it, look for the first place of this one */
    int code;
    size_t place;
};

static const eddy_failure *failure_walk(const eddy_failure *failure, struct failure_walk *walk);

static bool failure_is_repeated(const struct failure_walk *walk, const eddy_failure *leaf)
{
    if (leaf->references < 2)
        return false;
    struct failure_walk first = {.leaf = leaf};
    (void)failure_walk(walk->root, &first);
    return first.place < walk->place;
}

static const eddy_failure *failure_walk(const eddy_failure *failure, struct failure_walk *walk)
{
    for (size_t i = 0; i < failure->count; i++) {
        const eddy_failure *found = failure_walk(failure->children[i], walk);
        if (found)
            return found;
    }
    if (failure->count)
        return NULL;
    walk->place++;
    if (walk->leaf)
        return walk->leaf == failure ? failure : NULL;
    if (walk->after) {
        if (walk->after == failure)
            walk->after = NULL;
        return NULL;
    }
    bool matches = walk->code == 0 || walk->code == failure->code;
    return matches && !failure_is_repeated(walk, failure) ? failure : NULL;
}

const eddy_failure *eddy_failure_match(const eddy_failure *root, int code,
                                       const eddy_failure *after)
{
    struct failure_walk walk = {.root = root, .code = code, .after = after};
    return root ? failure_walk(root, &walk) : NULL;
}

/* The errno of a code; 0, which is none, of what can't be one. */
static int error_number(int code)
{
    return code == INT_MIN ? 0 : code < 0 ? -code : code;
}

/* As many as a traceback of Python's shows of a group. */
#define PRINTED_CHILDREN 15

static void failure_print(const eddy_failure *failure, FILE *stream, int depth, const char *lead)
{
    fprintf(stream, "%*s%s%s: %s", 2 * depth, "", lead, eddy_error_name(failure->code),
            failure->message[0] ? failure->message : strerror(error_number(failure->code)));
    if (failure->task[0])
        fprintf(stream, " (in %s", failure->task);
    if (failure->file[0])
        fprintf(stream, "%s%s:%d", failure->task[0] ? ", " : " (", failure->file, failure->line);
    fputs(failure->task[0] || failure->file[0] ? ")\n" : "\n", stream);
    if (failure->cause)
        failure_print(failure->cause, stream, depth + 1, "caused by ");
    for (size_t i = 0; i < failure->count && i < PRINTED_CHILDREN; i++)
        failure_print(failure->children[i], stream, depth + 1, "- ");
    if (failure->count > PRINTED_CHILDREN)
        fprintf(stream, "%*sand %zu more\n", 2 * (depth + 1), "",
                failure->count - PRINTED_CHILDREN);
}

void eddy_failure_print(const eddy_failure *failure, FILE *stream)
{
    if (failure)
        failure_print(failure, stream ? stream : stderr, 0, "");
}

eddy_failure *eddy_failure_keep(const eddy_failure *failure)
{
    return failure_keep((eddy_failure *)failure);
}

/* Gives one reference back; if it was the last one the record joins those to be freed. */
static void failure_drop(struct eddy_failure *failure, struct eddy_failure **dead)
{
    if (!failure || failure->permanent || --failure->references > 0)
        return;
    failure->next = *dead;
    *dead = failure;
}

/* Not recursive: trees may be deeper than a task's stack. */
void eddy_failure_release(eddy_failure *failure)
{
    struct eddy_failure *dead = NULL;
    failure_drop(failure, &dead);
    while (dead) {
        struct eddy_failure *one = dead;
        dead = one->next;
        failure_drop(one->cause, &dead);
        for (size_t i = 0; i < one->count; i++)
            failure_drop(one->children[i], &dead);
        memory_free(one->children);
        memory_free(one);
    }
}

const char *eddy_error_name(int code)
{
    const char *name = strerrorname_np(error_number(code));
    return name && name[0] != '0' ? name : "EUNKNOWN";
}
