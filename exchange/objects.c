/* Why: exchange/objects.h. Context: enter, leave, find: signal handler, no call, no loop but a bounded search; the rest: worker.
 *
 * The argument (docs/publication.md has it in full, tests/model/publication.pml checks it). A reader says "I am in" and then
 * reads the pointer; the publisher writes the pointer and then looks who is in. Each side stores, then loads what the other
 * one stores. If both loads could pass their own stores, the publisher could miss a reader that has the old list in hand, and
 * free it. So the four are sequentially consistent: in the one order that they have, either the reader's announcement comes
 * before the publisher's look, which sees an odd number and waits, or the publisher's exchange comes before the reader's load,
 * which then gets the new list. On x86 the stores are xchg (the barrier), the loads plain moves.
 * leave is a release that grace_begin and grace_over acquire: what the reader read, it read before the memory is freed. */
#include "exchange/objects.h"

#include <stddef.h>

const struct pando_object_list *pando_objects_enter(struct pando_objects *objects, uint32_t reader)
{
    atomic_uint *passage = &objects->readers[reader].passage;
    /* Only this thread writes the number: a plain read is enough to know it. It is odd when the slot's last thread died inside. */
    unsigned before = atomic_load_explicit(passage, memory_order_relaxed);
    atomic_exchange_explicit(passage, (before + 1) | 1, memory_order_seq_cst);
    return atomic_load_explicit(&objects->current, memory_order_seq_cst);
}

void pando_objects_leave(struct pando_objects *objects, uint32_t reader)
{
    atomic_uint *passage = &objects->readers[reader].passage;
    unsigned inside = atomic_load_explicit(passage, memory_order_relaxed);
    atomic_store_explicit(passage, inside + 1, memory_order_release);
}

const struct pando_object_entry *pando_objects_find(const struct pando_object_list *list, uint64_t address,
                                                    const struct pando_object_entry *hint)
{
    if (hint != NULL && address - hint->start < hint->end - hint->start)
        return hint;
    uint32_t low = 0, high = list->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (list->entries[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < list->count && list->entries[low].start <= address ? &list->entries[low] : NULL;
}

void pando_objects_unload_begins(struct pando_objects *objects)
{
    atomic_fetch_add(&objects->unloading, 1);
    atomic_fetch_add(&objects->unloads, 1);
}

void pando_objects_unload_ends(struct pando_objects *objects)
{
    atomic_fetch_sub(&objects->unloading, 1);
}

/* In this order (tests/model/unload.pml): who sees the number that a dlclose has made sees also that it is under way, or it is over,
 * and then the map that is read next is without the code that went. */
uint32_t pando_objects_unloads_seen(const struct pando_objects *objects)
{
    uint32_t unloads = atomic_load(&objects->unloads);
    return atomic_load(&objects->unloading) > 0 ? unloads - 1 : unloads;
}

struct pando_object_list *pando_objects_publish(struct pando_objects *objects, struct pando_object_list *list)
{
    if (list != NULL)
        list->serial = ++objects->serial;
    return atomic_exchange_explicit(&objects->current, list, memory_order_seq_cst);
}

void pando_objects_grace_begin(const struct pando_objects *objects, uint32_t *snapshot, uint32_t reader_count)
{
    for (uint32_t i = 0; i < reader_count; i++)
        snapshot[i] = atomic_load_explicit(&objects->readers[i].passage, memory_order_seq_cst);
}

bool pando_objects_grace_over(const struct pando_objects *objects, const uint32_t *snapshot, uint32_t reader_count)
{
    for (uint32_t i = 0; i < reader_count; i++) {
        /* Even: it was outside when the snapshot was taken, and what it reads since then is the new list. */
        if (snapshot[i] % 2 == 1 &&
            atomic_load_explicit(&objects->readers[i].passage, memory_order_acquire) == snapshot[i])
            return false;
    }
    return true;
}
