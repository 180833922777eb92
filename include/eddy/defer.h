/* SPDX-License-Identifier: MIT */
/*
 * Defer: clean-up that runs on every way out of a block. What `with` and `finally` are in Python.
 *
 *     FILE *file = fopen(path, "r");
 *     if (!file)
 *         return eddy_fail(-errno, "can't open %s", path);
 *     eddy_defer(fclose, file);
 *
 *     char *line = malloc(size);
 *     eddy_defer(free, line);
 *     ...                                // return, goto, break: free(line), then fclose(file)
 *
 * Several run in the opposite order. A task that is cancelled runs them too, since all it sees of
 * that are refused waits. A call that has to wait then wants a shield of its own (scope.h).
 */
#ifndef EDDY_DEFER_H
#define EDDY_DEFER_H

#include <eddy/base.h>
#include <eddy/failure.h>

EDDY_BEGIN_DECLS

struct eddy_deferred_ {
    void (*function)(void);
    uintptr_t argument;
    bool pointer;
};
EDDY_API void eddy_deferred_run_(struct eddy_deferred_ *deferred);

/* Around a call of C++: the last failure as it was. */
EDDY_API eddy_failure *eddy_deferred_begin_(void);
EDDY_API void eddy_deferred_end_(eddy_failure *before);

EDDY_END_DECLS

/* eddy_defer(function, argument): calls function(argument) when the enclosing block is left. It is
 * a declaration, so it needs a block of its own after `if (...)` and a statement after a label.
 * The argument is evaluated here, not then. The function takes one pointer that the argument fits,
 * or, as close(2), one int; it returns nothing, int or bool, which is ignored, and the failure it
 * leaves behind is dropped, so that `return eddy_fail(...)` keeps its own. */
#ifndef __cplusplus
#define eddy_defer(function, argument)                                                             \
    EDDY_DEFER_(EDDY_UNIQUE_(eddy_deferred_at_), function, argument)
#define EDDY_DEFER_(memory, function_, argument_)                                                  \
    struct eddy_deferred_ memory EDDY_CLEANUP_(eddy_deferred_run_) = {                             \
        .function = __extension__({                                                                \
            _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic error \"-Wint-conversion\"")    \
                _Pragma("GCC diagnostic error \"-Wincompatible-pointer-types\"") _Static_assert(   \
                    EDDY_DEFERS_(function_, argument_),                                            \
                    "eddy_defer: " #function_                                                      \
                    " must take one pointer, or be int(int), and return nothing, int or bool");    \
            _Pragma("GCC diagnostic pop")(void (*)(void))(function_);                              \
        }),                                                                                        \
        .argument = (uintptr_t)(argument_),                                                        \
        .pointer = EDDY_IS_POINTER_(argument_)}
#define EDDY_IS_POINTER_(value) (__builtin_classify_type(value) == 5)
#define EDDY_DEFERS_(function, argument)                                                           \
    (EDDY_IS_POINTER_(argument)                                                                    \
         ? EDDY_RETURNS_(function, argument, void) || EDDY_RETURNS_(function, argument, int) ||    \
               EDDY_RETURNS_(function, argument, _Bool)                                            \
         : __builtin_types_compatible_p(__typeof__(function), int(int)) ||                         \
               __builtin_types_compatible_p(__typeof__(function), void(int)))
#define EDDY_RETURNS_(function, argument, type)                                                    \
    __builtin_types_compatible_p(__typeof__((function)(argument)), type)
#else
#define eddy_defer(function, argument)                                                             \
    EDDY_DEFER_(EDDY_UNIQUE_(eddy_argument_), EDDY_UNIQUE_(eddy_call_),                            \
                EDDY_UNIQUE_(eddy_deferred_at_), function, argument)
#define EDDY_DEFER_(copy, call, memory, function, argument)                                        \
    const auto copy = (argument);                                                                  \
    const auto call = [&copy]() { (void)function(copy); };                                         \
    const eddy_cxx_::deferred<decltype(call)> memory(call)

namespace eddy_cxx_ {
template <class Call> class deferred {
    Call &call;

  public:
    explicit deferred(Call &to_call) : call(to_call)
    {
    }
    deferred(const deferred &) = delete;
    deferred &operator=(const deferred &) = delete;
    ~deferred()
    {
        eddy_failure *before = eddy_deferred_begin_();
        call();
        eddy_deferred_end_(before);
    }
};
} // namespace eddy_cxx_
#endif

#endif
