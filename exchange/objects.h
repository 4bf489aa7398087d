/* Why: what executable code is mapped where, and its rows, as the handler sees it: one immutable sorted list at a time, put in
 * place by the worker with a single store, taken out of use only when no handler can still be reading it.
 * Context: publish and reclaim: worker, one thread. current: signal handler, between enter and leave. No lock anywhere.
 * The argument, with memory orders: objects.c and docs/publication.md. */
#ifndef PANDO_EXCHANGE_OBJECTS_H
#define PANDO_EXCHANGE_OBJECTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "exchange/rows.h"

enum { PANDO_OBJECTS_READERS_MAX = 16384 }; /* one a thread slot */

/* One executable mapping. */
struct pando_object_entry {
    uint64_t start, end;          /* addresses [start, end) */
    uint64_t bias;                /* address - bias = ELF virtual address */
    const struct pando_rows *rows; /* NULL: not built (yet), see has_no_rows */
    bool has_no_rows;             /* there will be none (no unwind information, JIT code): use frame pointers */
    atomic_uint wanted;           /* set by the handler when it met code here without rows */
};

struct pando_object_list {
    uint64_t serial;              /* of this list among all that were published, from 1 on; also across a fork */
    uint32_t count;
    uint32_t unloads_seen;        /* of pando_objects.unloads, read before the map was read */
    struct pando_object_entry entries[]; /* sorted by start, no overlap */
};

struct pando_objects {
    _Atomic(struct pando_object_list *) current; /* NULL before the first publication */
    uint64_t serial;              /* the worker's: of the last list */
    atomic_uint unknown_code;     /* set by the handler when an address was in no entry: the map may be old */
    atomic_uint unloads;          /* counted up by the guest before each dlclose: while a list's unloads_seen differs,
                                   * code may have been replaced and the handler uses no rows at all (RAW samples) */
    atomic_int unloading;         /* how many dlcloses are under way */
    struct pando_objects_reader *readers; /* READERS_MAX of them, zeroed, the guest's memory */
};

/* One for each thread slot. A handler makes it odd on the way in, whatever it was (a thread that died in its handler leaves it odd, and
 * the slot goes to another one), and even on the way out. */
struct pando_objects_reader {
    atomic_uint passage;
};

/* Handler: from here to leave, the list that is returned (NULL before the first publication) stays whole. `reader` is the
 * thread's slot number, below PANDO_OBJECTS_READERS_MAX; one passage at a time for each (the signal is blocked meanwhile). */
const struct pando_object_list *pando_objects_enter(struct pando_objects *objects, uint32_t reader);
void pando_objects_leave(struct pando_objects *objects, uint32_t reader);

/* The entry that has `address`, or NULL. Handler-safe. `hint` may be an entry of this list to try first, or NULL. */
const struct pando_object_entry *pando_objects_find(const struct pando_object_list *list, uint64_t address,
                                                    const struct pando_object_entry *hint);

/* Guest: around each dlclose, in its thread. */
void pando_objects_unload_begins(struct pando_objects *objects);
void pando_objects_unload_ends(struct pando_objects *objects);
/* Worker: the number for a list's unloads_seen, before the map is read. While a dlclose is under way it is one that `unloads` does
 * not have: from the moment that code is gone another thread's dlopen may put other code in its place, and no list that was
 * made meanwhile is right. */
uint32_t pando_objects_unloads_seen(const struct pando_objects *objects);

/* Worker: puts a new list in place and returns the old one, which handlers may still read. */
struct pando_object_list *pando_objects_publish(struct pando_objects *objects, struct pando_object_list *list);

/* Worker: a grace period. `begin` notes the readers that are under way (`snapshot` has room for `reader_count`); `over` tells
 * whether each of them has left since: then what was taken out of use before `begin` can be freed. */
void pando_objects_grace_begin(const struct pando_objects *objects, uint32_t *snapshot, uint32_t reader_count);
bool pando_objects_grace_over(const struct pando_objects *objects, const uint32_t *snapshot, uint32_t reader_count);

#endif
