/* Why: samples say which thread they are of by its number; people know threads by name. A name is asked for when a sample of the
 * thread is folded, and again after a while, since threads are renamed.
 * Context: worker; one owner, the aggregator. Reads /proc, never a sampled thread. */
#ifndef PANDO_COLLECTOR_THREAD_NAMES_H
#define PANDO_COLLECTOR_THREAD_NAMES_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PANDO_THREAD_NAME_BYTES = 16,    /* as the kernel has them, with a NUL */
    PANDO_THREAD_NAMES_MAX = 1024,   /* threads that are remembered; a power of two */
    PANDO_THREAD_NAMES_AGE_MS = 500, /* after which a name is asked for again */
};

struct pando_thread_name {
    uint32_t tid;                    /* 0: free */
    bool is_known;
    uint64_t asked_mono_ns;
    char name[PANDO_THREAD_NAME_BYTES];
};

struct pando_thread_names {
    struct pando_thread_name entries[PANDO_THREAD_NAMES_MAX]; /* by number; a newer thread takes an older one's place */
};

/* The thread's name, at most AGE_MS old; NULL: it has ended, and nobody has told its name. Valid until the next call. */
const char *pando_thread_names_find(struct pando_thread_names *names, uint32_t tid, uint64_t now_mono_ns);
/* A thread that ends has told its name (not NUL-terminated if it is 16 bytes long). */
void pando_thread_names_tell(struct pando_thread_names *names, uint32_t tid, const char name[PANDO_THREAD_NAME_BYTES],
                             uint64_t now_mono_ns);

#endif
