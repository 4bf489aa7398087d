/* Why: exchange/labels.h. Context: as there.
 *
 * A set is filled in before its number is put into the index, by a compare-and-swap from 0: whoever finds the number there finds the
 * whole set. Of two that make the same set at once one loses; the place that it had filled in is used for the next entry that it
 * tries, or wasted. An interrupted or forked caller leaves nothing half-done but such a place. Nothing is ever taken out. */
#include "exchange/labels.h"

#include <string.h>

static uint32_t hash_of(const struct pando_label_set *set)
{
    const unsigned char *bytes = (const unsigned char *)set->labels;
    size_t left = set->count * sizeof set->labels[0];
    uint64_t hash = set->count;
    while (left != 0) {
        uint64_t word = 0;
        size_t some = left < sizeof word ? left : sizeof word;
        memcpy(&word, bytes, some);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
        bytes += some;
        left -= some;
    }
    return (uint32_t)hash;
}

static bool is_same(const struct pando_label_set *a, const struct pando_label_set *b)
{
    return a->count == b->count && memcmp(a->labels, b->labels, a->count * sizeof a->labels[0]) == 0;
}

const struct pando_label_set *pando_label_sets_get(const struct pando_label_sets *sets, uint32_t number)
{
    return number != PANDO_LABEL_SET_NONE && number <= PANDO_LABEL_SETS_MAX ? &sets->sets[number - 1] : NULL;
}

/* A place for a set that is not in the index yet; 0: there is none. */
static uint32_t fill_place(struct pando_label_sets *sets, const struct pando_label_set *wanted)
{
    /* The look before keeps the count from going round. */
    if (atomic_load_explicit(&sets->used, memory_order_relaxed) >= PANDO_LABEL_SETS_MAX)
        return 0;
    uint32_t place = atomic_fetch_add_explicit(&sets->used, 1, memory_order_relaxed);
    if (place >= PANDO_LABEL_SETS_MAX)
        return 0;
    memcpy(&sets->sets[place], wanted, sizeof *wanted);
    return place + 1;
}

uint32_t pando_label_sets_intern(struct pando_label_sets *sets, const struct pando_label_set *wanted)
{
    if (wanted->count == 0)
        return PANDO_LABEL_SET_NONE;
    uint32_t made = 0, at = hash_of(wanted);
    for (uint32_t tries = 0; tries < PANDO_LABEL_SETS_INDEX; tries++, at++) {
        atomic_ushort *entry = &sets->index[at % PANDO_LABEL_SETS_INDEX];
        /* Acquire, with the release below: the set's bytes come with its number. */
        unsigned short number = atomic_load_explicit(entry, memory_order_acquire);
        if (number == 0) {
            if (made == 0)
                made = fill_place(sets, wanted);
            if (made == 0)
                return PANDO_LABEL_SET_LEFT_OUT;
            if (atomic_compare_exchange_strong_explicit(entry, &number, (unsigned short)made, memory_order_release,
                                                        memory_order_acquire))
                return made;
        }
        if (is_same(&sets->sets[number - 1], wanted))
            return number;
    }
    return PANDO_LABEL_SET_LEFT_OUT;
}

/* Where the key is, or belongs; *ret_found. */
static uint32_t find(const struct pando_label_set *set, const char *key, size_t key_bytes, bool *ret_found)
{
    char padded[PANDO_LABEL_KEY_BYTES] = {0};
    memcpy(padded, key, key_bytes);
    uint32_t at = 0;
    while (at < set->count && memcmp(set->labels[at].key, padded, sizeof padded) < 0)
        at++;
    *ret_found = at < set->count && memcmp(set->labels[at].key, padded, sizeof padded) == 0;
    return at;
}

/* UTF-8 goes on with bytes of the form 10xxxxxx. */
static size_t cut(const char *value, size_t value_bytes)
{
    if (value_bytes <= PANDO_LABEL_VALUE_BYTES)
        return value_bytes;
    size_t kept = PANDO_LABEL_VALUE_BYTES;
    while (kept > PANDO_LABEL_VALUE_BYTES - 4 && ((unsigned char)value[kept] & 0xc0) == 0x80)
        kept--;
    return kept;
}

bool pando_label_set_put(struct pando_label_set *set, const char *key, size_t key_bytes, const char *value, size_t value_bytes)
{
    bool is_there;
    uint32_t at = find(set, key, key_bytes, &is_there);
    if (!is_there && set->count == PANDO_LABELS_IN_SET)
        return false;
    if (!is_there) {
        memmove(&set->labels[at + 1], &set->labels[at], (set->count - at) * sizeof set->labels[0]);
        set->count++;
    }
    struct pando_label *label = &set->labels[at];
    memset(label, 0, sizeof *label);
    label->key_bytes = (uint8_t)key_bytes;
    label->value_bytes = (uint8_t)cut(value, value_bytes);
    memcpy(label->key, key, label->key_bytes);
    memcpy(label->value, value, label->value_bytes);
    return true;
}

void pando_label_set_take(struct pando_label_set *set, const char *key, size_t key_bytes)
{
    bool is_there;
    uint32_t at = find(set, key, key_bytes, &is_there);
    if (!is_there)
        return;
    set->count--;
    memmove(&set->labels[at], &set->labels[at + 1], (set->count - at) * sizeof set->labels[0]);
    memset(&set->labels[set->count], 0, sizeof set->labels[0]);
}

bool pando_label_is_key(const char *key, size_t key_bytes)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-/";
    if (key_bytes == 0 || key_bytes > PANDO_LABEL_KEY_BYTES)
        return false;
    for (size_t i = 0; i < key_bytes; i++)
        if (memchr(allowed, key[i], sizeof allowed - 1) == NULL)
            return false;
    return true;
}
