/* SPDX-License-Identifier: MIT */
/*
 * Cache: results of a function that waits, computed once. What the tutorials' lru_cache on a
 * coroutine wants to be.
 *
 *     struct page { int status; char title[80]; };
 *     static int fetch(const char *url, struct page *page, void *session) { ... }
 *
 *     eddy_cache *pages;
 *     int r = eddy_cache_open(&pages, fetch, char, struct page, .capacity = 100, .ttl = 60,
 *                             .context = session);
 *     r = eddy_cache_get(pages, url, &page);     // fetches, or waits for who does, or neither
 *     eddy_cache_close(pages);
 *
 * Single flight: tasks that ask for the same key at the same time share one computation. It runs in
 * a task of the cache's own, with the locals of the first who asked. A failure goes to all who
 * wait, and isn't kept. A cancel of one who waits leaves the computation to the others; with the
 * last one gone it is cancelled too, and whoever asks then begins a new one.
 *
 * Keys and values are copied. A cache belongs to the loop in which it computes.
 */
#ifndef EDDY_CACHE_H
#define EDDY_CACHE_H

#include <eddy/base.h>
#include <eddy/queue.h> /* EDDY_UNBOUNDED */

EDDY_BEGIN_DECLS

typedef struct eddy_cache eddy_cache;

/* Every field 0 is the default. */
struct eddy_cache_options {
    const struct eddy_site_ *site_;
    size_t capacity; /* values kept at most, the least recently used goes first; default 128, as
                      * lru_cache's; EDDY_UNBOUNDED for no limit */
    double ttl;      /* seconds that a value is good for; default for ever */
    void *context;   /* the function's last argument */
    /* For values that own something, such as a counted reference; both may be NULL, and must not
     * suspend or use the cache. */
    void (*keep)(void *value);    /* called on each copy that eddy_cache_get hands out */
    void (*release)(void *value); /* called on the cache's own copy when that goes */
};

typedef int eddy_compute_(const void *key, void *ret_value, void *context);

EDDY_API EDDY_MUST_USE int eddy_cache_open_(eddy_cache **cache, eddy_compute_ *function,
                                            size_t key_size, size_t value_size,
                                            const struct eddy_cache_options *options);

/* Cancels the computations under way, suspends until they have ended, whatever is cancelled, and
 * frees everything. Tasks that wait get -EPIPE. Called by a callback or by one of the computations
 * it doesn't wait: the last of them frees the cache. NULL is harmless. */
EDDY_API void eddy_cache_close(eddy_cache *cache);

EDDY_API EDDY_ASYNC int eddy_cache_get_(eddy_cache *cache, const void *key, size_t key_size,
                                        void *value, size_t value_size);
EDDY_API bool eddy_cache_forget_(eddy_cache *cache, const void *key, size_t key_size);

/* Forgets all values. As eddy_cache_forget. */
EDDY_API void eddy_cache_clear(eddy_cache *cache);

/* Values kept, those that are too old and weren't asked for since counted too; 0 for NULL. */
EDDY_API size_t eddy_cache_size(const eddy_cache *cache);

EDDY_END_DECLS

/* eddy_cache_open(&cache, function, key_type, value_type, .field = value, ...): makes a cache for
 * `int function(const key_type *key, value_type *ret_value, void *context)`, which returns a
 * negative code to fail. key_type char stands for text that ends in a 0; any other for the bytes of
 * the struct, holes included: zero it before filling it in. 0, -EINVAL (null, a ttl that is
 * negative or not a number), -ENOMEM. Needs no loop. */
#define eddy_cache_open(cache, function, key_type, ...)                                            \
    EDDY_CACHE_OPEN_(cache, function, key_type, __VA_ARGS__, )
#ifndef __cplusplus
#define EDDY_CACHE_OPEN_(cache, function, key_type, value_type, ...)                               \
    eddy_cache_open_(                                                                              \
        cache, __extension__({                                                                     \
            _Static_assert(__builtin_types_compatible_p(                                           \
                               __typeof__(function), int(const key_type *, value_type *, void *)), \
                           "eddy: " #function " must be: int " #function "(const " #key_type       \
                           " *, " #value_type " *, void *)");                                      \
            _Static_assert(_Alignof(value_type) <= 16,                                             \
                           "eddy: " #value_type " wants more alignment than 16");                  \
            _Static_assert(_Alignof(key_type) <= 16,                                               \
                           "eddy: " #key_type " wants more alignment than 16");                    \
            (eddy_compute_ *)(void (*)(void))(function);                                           \
        }),                                                                                        \
        sizeof(key_type), sizeof(value_type), EDDY_CACHE_OPTIONS_(function, __VA_ARGS__))
#define EDDY_CACHE_OPTIONS_(function, ...)                                                         \
    (const struct eddy_cache_options[1])                                                           \
    {                                                                                              \
        __extension__({                                                                            \
            _Pragma("GCC diagnostic push")                                                         \
                _Pragma("GCC diagnostic ignored \"-Wmissing-field-initializers\"") struct          \
                eddy_cache_options eddy_options_ = {.site_ = 0, __VA_ARGS__};                      \
            _Pragma("GCC diagnostic pop") eddy_options_.site_ = EDDY_SITE_(                        \
                #function); /* clang 14 loses it in an initialiser */                              \
            eddy_options_;                                                                         \
        })                                                                                         \
    }
#else
#include <type_traits>
namespace eddy_cxx_ {
template <class Key, class Value>
EDDY_MUST_USE int open_cache(eddy_cache **cache, int (*function)(const Key *, Value *, void *),
                             const eddy_cache_options &options)
{
    static_assert(std::is_trivially_copyable<Key>::value &&
                      std::is_trivially_copyable<Value>::value,
                  "eddy: keys and values of a cache are copied byte by byte");
    static_assert(alignof(Key) <= 16 && alignof(Value) <= 16,
                  "eddy: keys and values of a cache can't want more alignment than 16");
    return eddy_cache_open_(
        cache, reinterpret_cast<eddy_compute_ *>(reinterpret_cast<void (*)()>(function)),
        sizeof(Key), sizeof(Value), &options);
}
} // namespace eddy_cxx_
#define EDDY_CACHE_OPEN_(cache, function, key_type, value_type, ...)                               \
    eddy_cxx_::open_cache<key_type, value_type>(                                                   \
        cache, function, __extension__({                                                           \
            _Pragma("GCC diagnostic push")                                                         \
                _Pragma("GCC diagnostic ignored \"-Wmissing-field-initializers\"")                 \
                    eddy_cache_options eddy_options_ = {.site_ = 0, __VA_ARGS__};                  \
            _Pragma("GCC diagnostic pop") eddy_options_.site_ = EDDY_SITE_(#function);             \
            eddy_options_;                                                                         \
        }))
#endif

/* The value for the key: a copy of one that is kept, without suspending, or computed, suspending
 * until it is. 0, what the function failed with (and its failure), -ECANCELED (a value that came
 * before the cancel is still handed out), -EDEADLK if the function asks for the key it is
 * computing, -EPIPE if the cache is closed meanwhile, -EINVAL (null, outside a task, sizes of other
 * types than the cache's), -ENOMEM, -EAGAIN (the cap on tasks). */
#define eddy_cache_get(cache, key, value)                                                          \
    eddy_cache_get_(cache, key, sizeof *(key), value, sizeof *(value))

/* Forgets the value for the key: true if there was one. Of a computation under way the value goes
 * to those who wait and isn't kept; whoever asks from now on begins a new one. Doesn't suspend. */
#define eddy_cache_forget(cache, key) eddy_cache_forget_(cache, key, sizeof *(key))

#endif
