/* SPDX-License-Identifier: MIT */
/*
 * Tasks: plain C functions, each on a stack of its own, taking turns on one thread.
 *
 *     struct fetch { int n; int *twice; };           // the arguments carry the function's name
 *     static int fetch(struct fetch *a) { ... }
 *
 *     eddy_task *task = eddy_create_task(fetch, .n = 1, .twice = &twice);
 *     int result = eddy_await(task);
 *     eddy_task_release(task);
 *
 * Creating a task checks function, fields and types at compile time, copies the arguments onto the
 * new task's stack (fields not named are zero) and queues it; it doesn't run yet. A task without
 * arguments is `int tick(void)`. What an argument points to must outlive the task: that stays the
 * caller's care, and a group's block is the easy way to bound it.
 *
 * A task ends with what its function returns: >= 0 is a result, negative a failure, -ECANCELED of
 * a cancelled task a cancellation. Handles carry a generation: a stale one gives -ESRCH and a
 * report, never another task. A NULL handle gives -EINVAL. Handles belong to the loop's thread.
 */
#ifndef EDDY_TASK_H
#define EDDY_TASK_H

#include <eddy/base.h>

EDDY_BEGIN_DECLS

typedef struct eddy_task eddy_task;
typedef struct eddy_group eddy_group;

enum eddy_arguments_kind_ {
    EDDY_IN_PLACE_, /* the caller's struct, not copied */
    EDDY_COPIED_,
    EDDY_NO_ARGUMENTS_,
    EDDY_KIND_ = 3,  /* of these bits; above them: */
    EDDY_EAGER_ = 4, /* not queued: the creator starts it at once */
};

/* Suspends for so many seconds of the loop's clock: asyncio.sleep(). 0 or less lets every task
 * that is ready run once and comes back. 0, -ECANCELED, -EINVAL for NaN. */
EDDY_API EDDY_ASYNC int eddy_sleep(double seconds);

/* True if the current task is being cancelled from outside or by an enclosing scope: every call
 * that would suspend is refused. Answers for *this* task, whatever the last result was. */
EDDY_API bool eddy_cancelled(void);

/* The handle of the running task, NULL in a callback or outside a loop. Borrowed. */
EDDY_API eddy_task *eddy_current_task(void);

/* Writes up to `capacity` handles of the loop's unfinished tasks, oldest first; returns how many
 * there are. asyncio.all_tasks(). Borrowed. */
EDDY_API size_t eddy_all_tasks(eddy_task **tasks, size_t capacity);

/* Suspends until the task is done and returns its result; at once if it is done already. May be
 * called by many, many times. A cancel of the waiting task cancels the awaited one and still waits
 * for its end, as in asyncio. A failed task's failure becomes the caller's last one.
 * -EINVAL for NULL, outside a task, or a task awaiting itself (-EDEADLK); -ESRCH for a stale
 * one. */
EDDY_API EDDY_ASYNC int eddy_await(eddy_task *task);

/* The same, but a cancel ends only this wait (-ECANCELED) and leaves the task running:
 * asyncio.shield(). The task's own cancellation gives -ECANCELED too: eddy_cancelled() tells which.
 * Should the task fail after that and nobody look, it is reported once, when its handle is given
 * back. To give clean-up of one's own time to wait there is eddy_with_shield. */
EDDY_API EDDY_ASYNC int eddy_shield(eddy_task *task);

/* Suspends until the task is done: 0, or -ECANCELED if this wait was interrupted, which leaves the
 * task running. Says nothing of the task's own outcome. Errors as eddy_await. */
EDDY_API EDDY_ASYNC int eddy_task_wait(eddy_task *task);

/* The outcome of a finished task (then its failure becomes the caller's last one), without
 * suspending; -EINPROGRESS while it isn't done. */
EDDY_API int eddy_task_result(eddy_task *task);

EDDY_API bool eddy_task_done(const eddy_task *task);
EDDY_API bool eddy_task_cancelled(const eddy_task *task); /* done, and by cancellation */

/* Asks a task to end: every wait in it is refused from now on, for good. True if it will arrive,
 * false if the task is done (or stale). Doesn't suspend; the task ends in turns to come. */
EDDY_API bool eddy_task_cancel(eddy_task *task);

/* The same, with a reason (its first 119 bytes are kept) that eddy_last_failure() then has beside
 * who cancelled, and where, after a call that returned -ECANCELED: task.cancel(msg). */
#define eddy_task_cancel_because(task, reason)                                                     \
    eddy_task_cancel_(task, reason, EDDY_SITE_("eddy_task_cancel"))

EDDY_API bool eddy_task_cancel_(eddy_task *task, const char *reason, const struct eddy_site_ *site);
#define eddy_task_cancel(task) eddy_task_cancel_(task, NULL, EDDY_SITE_("eddy_task_cancel"))

/* Gives the handle of eddy_create_task back. The task goes on; if it fails later, or failed and
 * nobody looked, that is reported to the log. Detach says the same in words that read well for a
 * task one never wants to hear of again. 0, -EINVAL, -ESRCH. Handles of eddy_spawn belong to their
 * group and can't be released (-EPERM). */
EDDY_API int eddy_task_release(eddy_task *task);
EDDY_API int eddy_detach(eddy_task *task);

/* "Task-7", or the name given: copied, at most 63 bytes kept. 0, -EINVAL, -ESRCH, -ENOMEM. The
 * name is borrowed and valid while the handle is and the name isn't set anew; "" if stale. */
EDDY_API const char *eddy_task_name(const eddy_task *task);
EDDY_API int eddy_task_set_name(eddy_task *task, const char *name);

/* Writes e.g. `<Task pending name='Task-2' fetch() at main.c:12 waiting for sleep>`; returns the
 * length as snprintf does. States: pending, running, cancelling, finished, cancelled. */
EDDY_API int eddy_task_describe(const eddy_task *task, char *buffer, size_t size);

/* eddy_create_task(function, .field = value, ...): a task owned by the loop. The handle must be
 * released or detached. NULL and a failure: -EINVAL outside a loop, -ENOMEM, -EAGAIN at the cap on
 * tasks, -ESHUTDOWN while the loop ends. eddy_create_task_as(function, type, .field = ...) for
 * several functions with one struct. */
EDDY_API EDDY_MUST_USE eddy_task *eddy_create_task_(void *unused, eddy_function_ *function,
                                                    const void *arguments, size_t size,
                                                    enum eddy_arguments_kind_ kind,
                                                    const struct eddy_site_ *site);

/* eddy_create_task_eager(function, .field = value, ...): the same, but the task runs at once, on
 * its creator's time, up to its first suspension: eager_start=True of asyncio. The creator then
 * goes on without a turn of the loop; a task that never suspends is done by then. In a callback,
 * too. eddy_spawn_eager (group.h) is the one for groups. */
EDDY_API EDDY_MUST_USE eddy_task *eddy_create_task_eager_(void *unused, eddy_function_ *function,
                                                          const void *arguments, size_t size,
                                                          enum eddy_arguments_kind_ kind,
                                                          const struct eddy_site_ *site);

EDDY_END_DECLS

/* ---- how the typed, named, copied arguments work -------------------------------------------- */

/* Names the macro for "function alone" or "function and fields" (at most 31). */
#define EDDY_FORM_(...)                                                                            \
    EDDY_33RD_(__VA_ARGS__, EDDY_M_, EDDY_M_, EDDY_M_, EDDY_M_, EDDY_M_, EDDY_M_, EDDY_M_,         \
               EDDY_M_, EDDY_M_, EDDY_M_, EDDY_M_, EDDY_M_, EDDY_M_, EDDY_M_, EDDY_M_, EDDY_M_,    \
               EDDY_M_, EDDY_M_, EDDY_M_, EDDY_M_, EDDY_M_, EDDY_M_, EDDY_M_, EDDY_M_, EDDY_M_,    \
               EDDY_M_, EDDY_M_, EDDY_M_, EDDY_M_, EDDY_M_, EDDY_M_, EDDY_1_, )
#define EDDY_33RD_(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z,   \
                   A, B, C, D, E, F, G, ...)                                                       \
    G

#ifndef __cplusplus

/* The one place where a task's function is called converts it back: see task.c. */
#define EDDY_ERASE_(function) ((eddy_function_ *)(void (*)(void))(function))

/* The same after a check, so that its message is the first one: the rest may not make sense. */
#define EDDY_CHECKED_(function, condition, message)                                                \
    __extension__({                                                                                \
        _Static_assert(!EDDY_IS_(function, int),                                                   \
                       "eddy: " #function " is a call or a number; name the function alone");      \
        _Static_assert(condition, message);                                                        \
        EDDY_ERASE_(function);                                                                     \
    })
#define EDDY_IS_(function, type) __builtin_types_compatible_p(__typeof__(function), type)

#define EDDY_1_(start, owner, function)                                                            \
    start(owner,                                                                                   \
          EDDY_CHECKED_(function, EDDY_IS_(function, int(void)),                                   \
                        "eddy: " #function                                                         \
                        " was given no arguments, so it must be: int " #function                   \
                        "(void); to zero every field write .first_field = 0"),                     \
          NULL, 0, EDDY_NO_ARGUMENTS_, EDDY_SITE_(#function))

#define EDDY_M_(start, owner, function, ...)                                                       \
    EDDY_COPY_(start, owner, function, struct function,                                            \
               "; for a struct of another name there are eddy_spawn_as, eddy_create_task_as",      \
               __VA_ARGS__)

#define EDDY_AS_(start, owner, function, type, ...)                                                \
    EDDY_COPY_(start, owner, function, type, "", __VA_ARGS__)

#ifdef __clang__ /* where wrong conversions include lost qualifiers */
#define EDDY_STRICT_QUALIFIERS_
#else
#define EDDY_STRICT_QUALIFIERS_ _Pragma("GCC diagnostic error \"-Wdiscarded-qualifiers\"")
#endif

/* A plain call, or gcc loses warn_unused_result; the limits' checks and the errors for wrong
 * conversions live in the array's initialiser. */
#define EDDY_COPY_(start, owner, function, type, hint, ...)                                        \
    EDDY_COPY_AS_(EDDY_UNIQUE_(eddy_arguments_), start, owner, function, #function, type, #type,   \
                  hint, __VA_ARGS__)
#define EDDY_COPY_AS_(copy, start, owner, function, name, type, type_name, hint, ...)              \
    start(owner,                                                                                   \
          EDDY_CHECKED_(function, sizeof(type *) && EDDY_IS_(function, int(type *)),               \
                        "eddy: " name " was given arguments, so it must be: int " name             \
                        "(" type_name " *)" hint),                                                 \
          (const type[1]){__extension__({                                                          \
              _Static_assert(sizeof(type) <= 1024,                                                 \
                             "eddy: " type_name " is too large to copy; pass a pointer to it");    \
              _Static_assert(_Alignof(type) <= 64,                                                 \
                             "eddy: " type_name " wants more alignment than 64");                  \
              _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic error \"-Wint-conversion\"")  \
                  _Pragma("GCC diagnostic error \"-Wincompatible-pointer-types\"")                 \
                      _Pragma("GCC diagnostic error \"-Woverride-init\"")                          \
                          EDDY_STRICT_QUALIFIERS_ _Pragma(                                         \
                              "GCC diagnostic ignored \"-Wmissing-field-initializers\"")           \
                              const type copy = {__VA_ARGS__};                                     \
              _Pragma("GCC diagnostic pop") copy;                                                  \
          })},                                                                                     \
          sizeof(type), EDDY_COPIED_, EDDY_SITE_(name))

#define EDDY_ON_(start, owner, function, pointer)                                                  \
    start(owner,                                                                                   \
          EDDY_CHECKED_(function, EDDY_IS_(function, int(__typeof__(pointer))),                    \
                        "eddy: " #function " must take what " #pointer " is"),                     \
          pointer, 0, EDDY_IN_PLACE_, EDDY_SITE_(#function))

#define eddy_create_task(...) EDDY_FORM_(__VA_ARGS__)(eddy_create_task_, NULL, __VA_ARGS__)
#define eddy_create_task_as(function, type, ...)                                                   \
    EDDY_AS_(eddy_create_task_, NULL, function, type, __VA_ARGS__)
#define eddy_create_task_eager(...)                                                                \
    EDDY_FORM_(__VA_ARGS__)(eddy_create_task_eager_, NULL, __VA_ARGS__)

#else /* C++: a template deduces the argument struct */
#include <type_traits>

#define EDDY_1_(start, owner, function)                                                            \
    eddy_cxx_::start_task(start, owner, function, EDDY_SITE_(#function))
#define EDDY_M_(start, owner, function, ...)                                                       \
    EDDY_AS_(start, owner, function, eddy_cxx_::taken_type<decltype(eddy_cxx_::takes(function))>,  \
             __VA_ARGS__)
#define EDDY_AS_(start, owner, function, type, ...)                                                \
    EDDY_COPY_(EDDY_UNIQUE_(eddy_arguments_), start, owner, function, #function,                   \
               eddy_cxx_::identity<type>, __VA_ARGS__)
#define EDDY_COPY_(copy, start, owner, function, name, type, ...)                                  \
    __extension__({                                                                                \
        static_assert(decltype(eddy_cxx_::takes(function))::right,                                 \
                      "eddy: " name " was given arguments, so it must be: int " name               \
                      "(arguments *)");                                                            \
        static_assert(                                                                             \
            std::is_same<type,                                                                     \
                         eddy_cxx_::taken_type<decltype(eddy_cxx_::takes(function))>>::value,      \
            "eddy: " name " takes another struct than the one given");                             \
        static_assert(std::is_trivially_copyable<type>::value,                                     \
                      "eddy: the arguments of " name                                               \
                      " are copied byte by byte; pass a pointer to a C++ object");                 \
        static_assert(sizeof(type) <= 1024, "eddy: the arguments of " name                         \
                                            " are too large to copy; pass a pointer to them");     \
        static_assert(alignof(type) <= 64,                                                         \
                      "eddy: the arguments of " name " want more alignment than 64");              \
        _Pragma("GCC diagnostic push")                                                             \
            _Pragma("GCC diagnostic ignored \"-Wmissing-field-initializers\"")                     \
                const type copy = {__VA_ARGS__};                                                   \
        _Pragma("GCC diagnostic pop")                                                              \
            eddy_cxx_::start_task(start, owner, function, EDDY_SITE_(name), copy);                 \
    })
#define EDDY_ON_(start, owner, function, pointer)                                                  \
    eddy_cxx_::start_task_on(start, owner, function, EDDY_SITE_(#function), pointer)

#define eddy_create_task(...)                                                                      \
    eddy_cxx_::created(EDDY_FORM_(__VA_ARGS__)(eddy_create_task_, eddy_cxx_::none(), __VA_ARGS__))
#define eddy_create_task_as(function, type, ...)                                                   \
    eddy_cxx_::created(EDDY_AS_(eddy_create_task_, eddy_cxx_::none(), function, type, __VA_ARGS__))
#define eddy_create_task_eager(...)                                                                \
    eddy_cxx_::created(                                                                            \
        EDDY_FORM_(__VA_ARGS__)(eddy_create_task_eager_, eddy_cxx_::none(), __VA_ARGS__))

namespace eddy_cxx_ {
template <class Function> eddy_function_ *erase(Function *function)
{
    return reinterpret_cast<eddy_function_ *>(reinterpret_cast<void (*)()>(function));
}

template <class Type> using identity = Type;

/* A parameter of this type takes no part in the deduction: {1, 2} and conversions fit it. */
template <class Type> struct given {
    typedef Type type;
};

inline void *none()
{
    return nullptr;
}

EDDY_MUST_USE inline eddy_task *created(eddy_task *task)
{
    return task;
}

/* What a task's function takes; from any other thing `anything`, which swallows all. */
struct anything {
    template <class... Values> anything(const Values &...)
    {
    }
};
template <class Arguments> struct taken {
    static constexpr bool right = !std::is_same<Arguments, anything>::value;
    typedef Arguments type;
};
template <class Arguments> taken<Arguments> takes(int (*)(Arguments *));
taken<anything> takes(...);
template <class Taken> using taken_type = typename Taken::type;

template <class Start, class Owner>
auto start_task(Start *start, Owner *owner, int (*function)(), const eddy_site_ *site)
    -> decltype(start(owner, nullptr, nullptr, 0, EDDY_NO_ARGUMENTS_, site))
{
    return start(owner, eddy_cxx_::erase(function), nullptr, 0, EDDY_NO_ARGUMENTS_, site);
}

template <class Start, class Owner, class Arguments>
auto start_task(Start *start, Owner *owner, int (*function)(Arguments *), const eddy_site_ *site,
                const typename given<Arguments>::type &arguments)
    -> decltype(start(owner, nullptr, nullptr, 0, EDDY_COPIED_, site))
{
    return start(owner, eddy_cxx_::erase(function), &arguments, sizeof arguments, EDDY_COPIED_,
                 site);
}

/* For their messages only. */
template <class Start, class Owner, class Arguments>
auto start_task(Start *start, Owner *owner, int (*)(Arguments *), const eddy_site_ *site)
    -> decltype(start(owner, nullptr, nullptr, 0, EDDY_NO_ARGUMENTS_, site))
{
    static_assert(!sizeof(Start *), "eddy: a function that was given no arguments must be: "
                                    "int function(); to zero every field write {}");
    return start(owner, nullptr, nullptr, 0, EDDY_NO_ARGUMENTS_, site);
}

template <class Start, class Owner>
auto start_task(Start *start, Owner *owner, int, const eddy_site_ *site)
    -> decltype(start(owner, nullptr, nullptr, 0, EDDY_NO_ARGUMENTS_, site))
{
    static_assert(!sizeof(Start *), "eddy: this is a call or a number; name the function alone");
    return start(owner, nullptr, nullptr, 0, EDDY_NO_ARGUMENTS_, site);
}

template <class Start, class Owner, class Function, class Arguments>
typename std::enable_if<std::is_same<Arguments, anything>::value, int>::type start_task(
    Start *, Owner *, Function *, const eddy_site_ *, const Arguments &)
{
    return 0; /* a static assertion of EDDY_COPY_ has said why */
}

template <class Start, class Owner, class Arguments>
auto start_task_on(Start *start, Owner *owner, int (*function)(Arguments *), const eddy_site_ *site,
                   typename given<Arguments>::type *arguments)
    -> decltype(start(owner, nullptr, nullptr, 0, EDDY_IN_PLACE_, site))
{
    return start(owner, eddy_cxx_::erase(function), arguments, 0, EDDY_IN_PLACE_, site);
}

/* The function of a job, if it fits the job. */
template <class Arguments>
eddy_function_ *job_function(int (*function)(Arguments *), typename given<Arguments>::type *)
{
    return eddy_cxx_::erase(function);
}

template <class Arguments> Arguments *job_to_copy(Arguments *arguments)
{
    static_assert(std::is_trivially_copyable<Arguments>::value,
                  "eddy: a job's arguments are copied byte by byte; use eddy_to_thread");
    return arguments;
}
} // namespace eddy_cxx_
#endif

/* Opt-in keywords, asked for before including eddy.h and after all other headers. */
#if defined(EDDY_KEYWORDS)
#ifdef __cplusplus
#error "eddy: EDDY_KEYWORDS is for C only: await is a keyword-to-be in C++"
#endif
#define async EDDY_ASYNC
#define await
#endif

#endif
