/* Why: the worker's object is opened so that its libraries find each other before the host's copies of them (RTLD_DEEPBIND). Two
 * things must be the host's all the same: the allocator, since memory that libc got from the host's malloc (strdup, getline) is
 * freed by our libraries; and pthread_create, behind which libpando.so takes note of threads. These definitions are what our
 * libraries find first; they pass on to what the whole process uses. And two that are better not done at all: sigprocmask, mincore.
 * Context: any of Pando's threads, from the loader's first constructor on. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "exchange/door.h"
#include "symbols/symbols.h"
#include "worker/host_functions.h"

#define SHOWN __attribute__((visibility("default")))

/* The function of that name in the process's global scope: the program, what is preloaded, their libraries, in this order. Looked
 * up at the first call, which may be while the loader still runs the constructors of our libraries. */
static void *global_function(_Atomic(void *) *known, const char *name)
{
    void *function = atomic_load_explicit(known, memory_order_acquire);
    if (function == NULL) {
        void *program = dlopen(NULL, RTLD_LAZY | RTLD_NOLOAD);
        function = program != NULL ? dlsym(program, name) : NULL;
        atomic_store_explicit(known, function, memory_order_release);
    }
    return function;
}

/* `type` (arguments) -> the global function `name`, as a pointer of that type; NULL when there is none. */
#define GLOBAL(name, type, ...)                                                                                                 \
    static _Atomic(void *) name##_known;                                                                                        \
    type (*global)(__VA_ARGS__) = NULL;                                                                                         \
    *(void **)&global = global_function(&name##_known, #name)

/* libdw goes on without looking where it was given no memory. */
static void *or_give_up(void *memory, size_t bytes)
{
    if (memory == NULL && bytes != 0)
        pando_symbols_no_memory();
    return memory;
}

SHOWN void *malloc(size_t bytes)
{
    GLOBAL(malloc, void *, size_t);
    return or_give_up(global(bytes), bytes);
}

SHOWN void free(void *memory)
{
    GLOBAL(free, void, void *);
    global(memory);
}

SHOWN void *calloc(size_t count, size_t bytes)
{
    GLOBAL(calloc, void *, size_t, size_t);
    return or_give_up(global(count, bytes), count != 0 ? bytes : 0);
}

SHOWN void *realloc(void *memory, size_t bytes)
{
    GLOBAL(realloc, void *, void *, size_t);
    return or_give_up(global(memory, bytes), bytes);
}

SHOWN void *reallocarray(void *memory, size_t count, size_t bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(memory, total);
}

SHOWN int posix_memalign(void **ret_memory, size_t alignment, size_t bytes)
{
    GLOBAL(posix_memalign, int, void **, size_t, size_t);
    return global != NULL ? global(ret_memory, alignment, bytes) : ENOMEM;
}

SHOWN void *aligned_alloc(size_t alignment, size_t bytes)
{
    GLOBAL(aligned_alloc, void *, size_t, size_t);
    return global != NULL ? global(alignment, bytes) : NULL;
}

SHOWN void *memalign(size_t alignment, size_t bytes)
{
    GLOBAL(memalign, void *, size_t, size_t);
    return global != NULL ? global(alignment, bytes) : NULL;
}

SHOWN size_t malloc_usable_size(void *memory)
{
    GLOBAL(malloc_usable_size, size_t, void *);
    return global != NULL ? global(memory) : 0;
}

/* The guest's own where it is known: in a process that Pando was opened in late, the global one is libc's. */
static _Atomic(pando_create_thread *) create_thread;

void pando_host_functions_set(pando_create_thread *create)
{
    atomic_store_explicit(&create_thread, create, memory_order_release);
}

SHOWN int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    GLOBAL(pthread_create, int, pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    pando_create_thread *guests = atomic_load_explicit(&create_thread, memory_order_acquire);
    return guests != NULL ? guests(thread, attributes, start, argument) : global(thread, attributes, start, argument);
}

/* libunwind masks all signals around each look at its caches: two system calls for each function whose rows are built, a tenth of
 * what a short program pays. In Pando's threads, and these libraries run in no other, all signals are blocked for good. */
SHOWN int sigprocmask(int how, const sigset_t *set, sigset_t *ret_old)
{
    (void)how;
    (void)set;
    if (ret_old != NULL)
        sigfillset(ret_old);
    return 0;
}

/* libunwind asks once whether this call is there, and takes msync where it is not (for walks in its own process, of which there are
 * none here). systemd's filter for hardened services has no word for it, and so would end the host. */
SHOWN int mincore(void *start, size_t bytes, unsigned char *ret_resident)
{
    (void)start;
    (void)bytes;
    (void)ret_resident;
    errno = ENOSYS;
    return -1;
}
