/* Why: collector/slice_table.h. Context: worker. */
#include "collector/slice_table.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum { OTHER = 0 };
#define LEFT_OUT_KEY "pando.labels"
#define LEFT_OUT_VALUE "<left out>"

void pando_slice_table_init(struct pando_slice_table *table, bool by_thread, const struct pando_label_sets *label_sets,
                            const struct pando_label_set *common, struct pando_counters *counters)
{
    table->by_thread = by_thread;
    table->counters = counters;
    table->label_sets = label_sets;
    if (common != NULL)
        table->common = *common;
    table->count = OTHER + 1;
    pando_spans_init(&table->spans);
}

static uint32_t hash_of(const struct pando_slice_entry *entry)
{
    const unsigned char *bytes = (const unsigned char *)entry;
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < sizeof *entry; i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return hash ^ hash >> 15;
}

static uint32_t find_entry(struct pando_slice_table *table, const struct pando_slice_entry *wanted)
{
    uint32_t at = hash_of(wanted);
    while (table->index[at % PANDO_SLICE_TABLE_INDEX] != 0) {
        uint32_t number = table->index[at++ % PANDO_SLICE_TABLE_INDEX];
        if (memcmp(&table->entries[number], wanted, sizeof *wanted) == 0)
            return number;
    }
    bool has_room = wanted->is_nameless ? table->ended_count < PANDO_SLICE_TABLE_ENDED_MAX
                                        : table->count - 1 - table->ended_count < PANDO_SLICE_TABLE_MAX;
    if (!has_room) {
        pando_count(table->counters, PANDO_COUNT_SLICES_LEFT_OUT);
        return OTHER;
    }
    table->index[at % PANDO_SLICE_TABLE_INDEX] = (uint16_t)table->count;
    table->entries[table->count] = *wanted;
    if (wanted->is_nameless) {
        table->ended_count++;
        table->nameless[table->nameless_count++] = (uint16_t)table->count;
    }
    return table->count++;
}

uint32_t pando_slice_table_find(struct pando_slice_table *table, const struct pando_sample_owner *owner)
{
    struct pando_slice_entry wanted;
    memset(&wanted, 0, sizeof wanted); /* and the gaps: it is compared as bytes */
    const char *name = pando_thread_names_find(&table->names, owner->tid, pando_clock_mono_ns());
    wanted.is_nameless = name == NULL;
    if (name != NULL)
        memcpy(wanted.name, name, sizeof wanted.name);
    wanted.tid = table->by_thread || wanted.is_nameless ? owner->tid : 0;
    wanted.set = owner->label_set <= PANDO_LABEL_SET_LEFT_OUT ? owner->label_set : PANDO_LABEL_SET_LEFT_OUT;
    if (owner->trace != NULL) {
        wanted.span = (uint16_t)pando_spans_find(&table->spans, owner->trace);
        if (wanted.span == 0)
            pando_count(table->counters, PANDO_COUNT_SPANS_LEFT_OUT);
    }
    return find_entry(table, &wanted);
}

void pando_slice_table_name(struct pando_slice_table *table, uint32_t tid, const char name[PANDO_THREAD_NAME_BYTES])
{
    pando_thread_names_tell(&table->names, tid, name, pando_clock_mono_ns());
    for (uint32_t i = table->nameless_count; i-- > 0;) {
        struct pando_slice_entry *entry = &table->entries[table->nameless[i]];
        if (entry->tid != tid)
            continue;
        /* It keeps its number, and its place in the index, where it is not found any more: another one by that name may come, and
         * they are one in the profile. */
        memcpy(entry->name, name, sizeof entry->name);
        entry->name[sizeof entry->name - 1] = '\0';
        entry->is_nameless = false;
        table->nameless[i] = table->nameless[--table->nameless_count];
    }
}

static void put_labels(struct pando_slice *slice, const struct pando_label_set *set)
{
    for (uint32_t i = 0; set != NULL && i < set->count && i < PANDO_LABELS_IN_SET; i++) {
        const struct pando_label *label = &set->labels[i];
        pando_slice_set_label(slice, label->key, label->key_bytes, label->value, label->value_bytes);
    }
}

static void put_id(struct pando_slice *slice, const char *key, const void *bytes, size_t count)
{
    char text[2 * PANDO_SAMPLE_TRACE_WORDS * sizeof(uint64_t) + 1];
    for (size_t i = 0; i < count; i++)
        snprintf(text + 2 * i, 3, "%02x", ((const unsigned char *)bytes)[i]);
    pando_slice_set_label(slice, key, strlen(key), text, 2 * count);
}

void pando_slice_table_get(const struct pando_slice_table *table, uint32_t number, struct pando_slice *ret_slice)
{
    memset(ret_slice, 0, sizeof *ret_slice);
    if (number == OTHER || number >= table->count) {
        pando_slice_set_thread(ret_slice, PANDO_SLICE_OTHER_THREAD, sizeof PANDO_SLICE_OTHER_THREAD - 1);
        return;
    }
    const struct pando_slice_entry *entry = &table->entries[number];
    pando_slice_set_thread(ret_slice, entry->name, strnlen(entry->name, sizeof entry->name));
    ret_slice->tid = table->by_thread ? entry->tid : 0;
    put_labels(ret_slice, &table->common);
    if (entry->set == PANDO_LABEL_SET_LEFT_OUT)
        pando_slice_set_label(ret_slice, LEFT_OUT_KEY, sizeof LEFT_OUT_KEY - 1, LEFT_OUT_VALUE, sizeof LEFT_OUT_VALUE - 1);
    else if (table->label_sets != NULL)
        put_labels(ret_slice, pando_label_sets_get(table->label_sets, entry->set));
    if (entry->span == 0)
        return;
    const uint64_t *trace = table->spans.spans[entry->span - 1];
    put_id(ret_slice, PANDO_SLICE_TRACE_KEY, trace, 16);
    put_id(ret_slice, PANDO_SLICE_SPAN_KEY, trace + 2, 8);
}

void pando_slice_table_end_interval(struct pando_slice_table *table)
{
    table->count = OTHER + 1;
    table->nameless_count = table->ended_count = 0;
    memset(table->index, 0, sizeof table->index);
    pando_spans_end_interval(&table->spans);
}
