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
#include <string.h>

static atomic_long failing_live_bytes, failing_peak_bytes;
static atomic_long failing_countdown = LONG_MAX; /* calls until one is refused */
static atomic_bool failing_goes_on;              /* and all after it */
static atomic_long failing_refused;

static void *failing_next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

static bool failing_now(void)
{
    if (atomic_load(&failing_countdown) == LONG_MAX)
        return false;
    long left = atomic_fetch_sub(&failing_countdown, 1) - 1;
    bool refused = left == 0 || (left < 0 && atomic_load(&failing_goes_on));
    if (refused)
        atomic_fetch_add(&failing_refused, 1);
    return refused;
}

static void failing_note(long bytes)
{
    long live = atomic_fetch_add(&failing_live_bytes, bytes) + bytes;
    if (live > atomic_load(&failing_peak_bytes))
        atomic_store(&failing_peak_bytes, live);
}

#define FAILING_EXPORT __attribute__((visibility("default"), used))

FAILING_EXPORT void *malloc(size_t bytes)
{
    static void *(*next)(size_t);
    if (next == NULL)
        next = (void *(*)(size_t))(uintptr_t)failing_next("malloc");
    void *memory = failing_now() ? NULL : next(bytes);
    if (memory != NULL)
        failing_note((long)malloc_usable_size(memory));
    return memory;
}

FAILING_EXPORT void *calloc(size_t count, size_t bytes)
{
    static void *(*next)(size_t, size_t);
    if (next == NULL)
        next = (void *(*)(size_t, size_t))(uintptr_t)failing_next("calloc");
    void *memory = failing_now() ? NULL : next(count, bytes);
    if (memory != NULL)
        failing_note((long)malloc_usable_size(memory));
    return memory;
}

FAILING_EXPORT void *realloc(void *old, size_t bytes)
{
    static void *(*next)(void *, size_t);
    if (next == NULL)
        next = (void *(*)(void *, size_t))(uintptr_t)failing_next("realloc");
    if (failing_now())
        return NULL;
    long before = old == NULL ? 0 : (long)malloc_usable_size(old);
    void *memory = next(old, bytes);
    if (memory != NULL)
        failing_note((long)malloc_usable_size(memory) - before);
    return memory;
}

FAILING_EXPORT void free(void *memory)
{
    static void (*next)(void *);
    if (next == NULL)
        next = (void (*)(void *))(uintptr_t)failing_next("free");
    if (memory != NULL)
        failing_note(-(long)malloc_usable_size(memory));
    next(memory);
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

static inline long failing_peak_start(void)
{
    long live = atomic_load(&failing_live_bytes);
    atomic_store(&failing_peak_bytes, live);
    return live;
}

#endif
