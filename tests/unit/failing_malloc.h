/* Why: lets a test refuse the Nth allocation, once or from then on, and see how much memory is in use. Defines malloc, calloc,
 * realloc and free of the test program; works on top of AddressSanitizer's too.
 * Context: included by one file of a test program. Counting is for all threads, refusing too. */
#ifndef PANDO_TESTS_FAILING_MALLOC_H
#define PANDO_TESTS_FAILING_MALLOC_H

#include <dlfcn.h>
#include <limits.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The loader and sanitizers allocate before anything is set up. */
#define FAILING_EARLY __attribute__((no_sanitize("address", "undefined")))
#define FAILING_EXPORT FAILING_EARLY __attribute__((visibility("default"), used))

static atomic_long failing_live_bytes, failing_peak_bytes;
static atomic_long failing_countdown = LONG_MAX; /* calls until one is refused */
static atomic_bool failing_goes_on;              /* and all after it */
static atomic_long failing_refused;
static void (*failing_on_refusal)(void);         /* called before NULL is returned, as worker/host_functions.c does; it may not return */

/* Until the real functions are known: memory that is never given back. A word before each piece has its size. */
enum { FAILING_ARENA_BYTES = 1 << 18 };
static struct {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
    bool ready;
} failing_next;
static _Alignas(16) char failing_arena[FAILING_ARENA_BYTES];
static size_t failing_arena_used;

static __attribute__((constructor(101))) FAILING_EARLY void failing_set_up(void)
{
    failing_next.malloc = (void *(*)(size_t))(uintptr_t)dlsym(RTLD_NEXT, "malloc");
    failing_next.calloc = (void *(*)(size_t, size_t))(uintptr_t)dlsym(RTLD_NEXT, "calloc");
    failing_next.realloc = (void *(*)(void *, size_t))(uintptr_t)dlsym(RTLD_NEXT, "realloc");
    failing_next.free = (void (*)(void *))(uintptr_t)dlsym(RTLD_NEXT, "free");
    failing_next.ready = true;
}

static FAILING_EARLY void *failing_from_arena(size_t bytes)
{
    size_t need = 16 + (bytes + 15) / 16 * 16;
    if (bytes > FAILING_ARENA_BYTES || need > FAILING_ARENA_BYTES - failing_arena_used)
        return NULL;
    char *at = failing_arena + failing_arena_used;
    failing_arena_used += need;
    *(size_t *)(void *)at = bytes;
    return at + 16;
}

static FAILING_EARLY bool failing_is_arena(const void *memory)
{
    return (uintptr_t)memory - (uintptr_t)failing_arena < FAILING_ARENA_BYTES;
}

static FAILING_EARLY bool failing_now(void)
{
    if (atomic_load(&failing_countdown) == LONG_MAX)
        return false;
    long left = atomic_fetch_sub(&failing_countdown, 1) - 1;
    bool refused = left == 0 || (left < 0 && atomic_load(&failing_goes_on));
    if (refused)
        atomic_fetch_add(&failing_refused, 1);
    if (refused && failing_on_refusal != NULL)
        failing_on_refusal();
    return refused;
}

static FAILING_EARLY void *failing_note(void *memory, long before_bytes)
{
    if (memory == NULL)
        return NULL;
    long more = (long)malloc_usable_size(memory) - before_bytes;
    long live = atomic_fetch_add(&failing_live_bytes, more) + more;
    if (live > atomic_load(&failing_peak_bytes))
        atomic_store(&failing_peak_bytes, live);
    return memory;
}

FAILING_EXPORT void *malloc(size_t bytes)
{
    if (!failing_next.ready)
        return failing_from_arena(bytes);
    return failing_now() ? NULL : failing_note(failing_next.malloc(bytes), 0);
}

FAILING_EXPORT void *calloc(size_t count, size_t bytes)
{
    if (!failing_next.ready)
        return bytes != 0 && count > SIZE_MAX / bytes ? NULL : failing_from_arena(count * bytes);
    return failing_now() ? NULL : failing_note(failing_next.calloc(count, bytes), 0);
}

FAILING_EXPORT void *realloc(void *old, size_t bytes)
{
    if (!failing_next.ready || failing_is_arena(old)) {
        void *memory = malloc(bytes);
        size_t old_bytes = old == NULL ? 0 : ((size_t *)old)[-2];
        if (memory != NULL && old_bytes != 0)
            memcpy(memory, old, old_bytes < bytes ? old_bytes : bytes);
        return memory;
    }
    if (failing_now())
        return NULL;
    long before_bytes = old == NULL ? 0 : (long)malloc_usable_size(old);
    return failing_note(failing_next.realloc(old, bytes), before_bytes);
}

FAILING_EXPORT void free(void *memory)
{
    if (memory == NULL || !failing_next.ready || failing_is_arena(memory))
        return;
    atomic_fetch_sub(&failing_live_bytes, (long)malloc_usable_size(memory));
    failing_next.free(memory);
}

/* The `nth` allocation from now on is refused (1: the next), and if `goes_on` all after it. */
static inline void failing_start(long nth, bool goes_on)
{
    atomic_store(&failing_goes_on, goes_on);
    atomic_store(&failing_refused, 0);
    atomic_store(&failing_countdown, nth);
}

/* Returns how many were refused. */
static inline long failing_stop(void)
{
    atomic_store(&failing_countdown, LONG_MAX);
    return atomic_load(&failing_refused);
}

/* Bytes in use, to be compared before and after. AddressSanitizer's strdup and the like do not pass by here, but its free
 * does: there it finds leaks itself, and this is 0. */
static inline long failing_live(void)
{
#ifdef __SANITIZE_ADDRESS__
    return 0;
#else
    return atomic_load(&failing_live_bytes);
#endif
}

/* Returns the bytes in use; failing_peak_bytes is the most from here on. */
static inline long failing_peak_start(void)
{
    long live = atomic_load(&failing_live_bytes);
    atomic_store(&failing_peak_bytes, live);
    return live;
}

#endif
