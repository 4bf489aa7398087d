/* Why: agent/labels.h, and the label functions of include/pando.h. Context: as each says; what the handler calls calls nothing.
 *
 * Each of the two things that the handler reads is published by one store: the number of a set that is complete, and which of four
 * buffers has the current trace. A handler of the host's that interrupts pando_trace_set, and calls it, gets a buffer of its own. */
#include "agent/labels.h"

#include <pando.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/threads.h"
#include "base/error.h"

struct pando_label_sets pando_label_sets;
__thread struct pando_labels_own pando_labels_own __attribute__((tls_model("initial-exec")));

/* The slot of the calling thread, if it still is that. */
static struct pando_thread_slot *own_slot(void)
{
    struct pando_thread_slot *slot = pando_labels_own.slot;
    if (slot == NULL || pando_thread_generation(atomic_load_explicit(&slot->use, memory_order_relaxed)) != pando_labels_own.generation)
        return NULL;
    return slot;
}

static void show(struct pando_thread_slot *slot)
{
    if (slot == NULL)
        return;
    const uint64_t *trace = pando_labels_own_trace();
    struct pando_labels_shown *shown = &slot->labels;
    atomic_store_explicit(&shown->set, pando_labels_own_set(), memory_order_relaxed);
    atomic_store_explicit(&shown->is_traced, trace != NULL, memory_order_relaxed);
    for (int i = 0; trace != NULL && i < PANDO_SAMPLE_TRACE_WORDS; i++)
        atomic_store_explicit(&shown->trace[i], trace[i], memory_order_relaxed);
}

void pando_labels_meet(struct pando_thread_slot *slot, unsigned use)
{
    unsigned generation = pando_thread_generation(use);
    if (pando_labels_own.slot == slot && pando_labels_own.generation == generation)
        return;
    pando_labels_own.slot = slot;
    pando_labels_own.generation = generation;
    show(slot);
}

void pando_labels_of_slot(const struct pando_thread_slot *slot, struct pando_labels_seen *ret_seen)
{
    struct pando_labels_shown *shown = &((struct pando_thread_slot *)(uintptr_t)slot)->labels;
    ret_seen->set = (uint16_t)atomic_load_explicit(&shown->set, memory_order_relaxed);
    ret_seen->is_traced = atomic_load_explicit(&shown->is_traced, memory_order_relaxed);
    for (int i = 0; i < PANDO_SAMPLE_TRACE_WORDS; i++)
        ret_seen->trace[i] = atomic_load_explicit(&shown->trace[i], memory_order_relaxed);
}

void pando_labels_forget(struct pando_thread_slot *slot)
{
    atomic_store_explicit(&slot->labels.set, PANDO_LABEL_SET_NONE, memory_order_relaxed);
    atomic_store_explicit(&slot->labels.is_traced, false, memory_order_relaxed);
}

static void take_on(uint32_t set)
{
    atomic_store_explicit(&pando_labels_own.set, set, memory_order_relaxed);
    struct pando_thread_slot *slot = own_slot();
    if (slot != NULL)
        atomic_store_explicit(&slot->labels.set, set, memory_order_relaxed);
}

/* Never 0. */
static uint32_t hash_key(const char *key, size_t key_bytes)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < key_bytes; i++)
        hash = (hash ^ (unsigned char)key[i]) * 16777619u;
    return hash | 1;
}

/* There was no room for the labels that the thread should have. Better none than wrong ones: what it had is kept for when the label
 * that makes the difference is cleared. */
static void lose(uint32_t from, uint32_t key)
{
    bool is_lost = from == PANDO_LABEL_SET_LEFT_OUT;
    pando_labels_own.lost_key = !is_lost ? key : pando_labels_own.lost_key == key ? key : 0;
    if (!is_lost)
        pando_labels_own.lost_from = (uint16_t)from;
    take_on(PANDO_LABEL_SET_LEFT_OUT);
    pando_count(&pando_agent.counters, PANDO_COUNT_LABEL_SETS_LEFT_OUT);
}

static struct pando_label_set copy_of(uint32_t number)
{
    const struct pando_label_set *set = pando_label_sets_get(&pando_label_sets, number);
    return set != NULL ? *set : (struct pando_label_set){0};
}

int pando_label_set(const char *key, const char *value)
{
    size_t key_bytes = key != NULL ? strnlen(key, PANDO_LABEL_KEY_BYTES + 1) : 0;
    if (!pando_label_is_key(key, key_bytes) || value == NULL)
        return PANDO_ERROR_INVALID;
    uint32_t from = atomic_load_explicit(&pando_labels_own.set, memory_order_relaxed);
    if (from == PANDO_LABEL_SET_LEFT_OUT) {
        lose(from, hash_key(key, key_bytes));
        return PANDO_ERROR_LIMIT;
    }
    struct pando_label_set set = copy_of(from);
    if (!pando_label_set_put(&set, key, key_bytes, value, strnlen(value, PANDO_LABEL_VALUE_BYTES + 1)))
        return PANDO_ERROR_LIMIT;
    uint32_t number = pando_label_sets_intern(&pando_label_sets, &set);
    if (number == PANDO_LABEL_SET_LEFT_OUT) {
        lose(from, hash_key(key, key_bytes));
        return PANDO_ERROR_LIMIT;
    }
    take_on(number);
    return 0;
}

int pando_label_clear(const char *key)
{
    uint32_t from = atomic_load_explicit(&pando_labels_own.set, memory_order_relaxed);
    if (key == NULL) {
        take_on(PANDO_LABEL_SET_NONE);
        return 0;
    }
    size_t key_bytes = strnlen(key, PANDO_LABEL_KEY_BYTES + 1);
    if (!pando_label_is_key(key, key_bytes))
        return PANDO_ERROR_INVALID;
    bool was_lost = from == PANDO_LABEL_SET_LEFT_OUT;
    if (was_lost && pando_labels_own.lost_key != hash_key(key, key_bytes)) {
        pando_labels_own.lost_key = 0;
        return PANDO_ERROR_LIMIT;
    }
    struct pando_label_set set = copy_of(was_lost ? pando_labels_own.lost_from : from);
    pando_label_set_take(&set, key, key_bytes);
    uint32_t number = pando_label_sets_intern(&pando_label_sets, &set);
    if (number == PANDO_LABEL_SET_LEFT_OUT) {
        lose(from, hash_key(key, key_bytes));
        return PANDO_ERROR_LIMIT;
    }
    take_on(number);
    return 0;
}

uint32_t pando_labels_save(void)
{
    return atomic_load_explicit(&pando_labels_own.set, memory_order_relaxed);
}

int pando_labels_restore(uint32_t saved)
{
    bool is_made = saved <= atomic_load_explicit(&pando_label_sets.used, memory_order_relaxed) && saved <= PANDO_LABEL_SETS_MAX;
    if (!is_made && saved != PANDO_LABEL_SET_LEFT_OUT)
        return PANDO_ERROR_INVALID;
    pando_labels_own.lost_key = 0;
    take_on(saved);
    return 0;
}

/* At one blow, so that an interrupter gets another. */
static unsigned next_buffer(void)
{
    return atomic_fetch_add_explicit(&pando_labels_own.next_buffer, 1, memory_order_relaxed) % PANDO_LABELS_BUFFERS;
}

int pando_trace_set(const uint8_t trace_id[16], const uint8_t span_id[8])
{
    static const uint8_t nothing[16];
    if (trace_id == NULL || span_id == NULL || memcmp(trace_id, nothing, sizeof nothing) == 0)
        return PANDO_ERROR_INVALID;
    unsigned buffer = next_buffer();
    if (buffer + 1 == atomic_load_explicit(&pando_labels_own.buffer, memory_order_relaxed)) /* never write where the handler may read */
        buffer = next_buffer();
    memcpy(&pando_labels_own.traces[buffer][0], trace_id, 16);
    memcpy(&pando_labels_own.traces[buffer][2], span_id, 8);
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&pando_labels_own.buffer, (unsigned char)(buffer + 1), memory_order_relaxed);
    show(own_slot());
    return 0;
}

void pando_trace_clear(void)
{
    atomic_store_explicit(&pando_labels_own.buffer, 0, memory_order_relaxed);
    show(own_slot());
}
