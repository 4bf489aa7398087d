/* Why: the labels that threads carry. A set of labels is written once, has a number for life, and is never changed: so a thread
 * takes on another set by one store, the handler reads it by one load, and the worker finds it when the sample is long gone.
 * Context: both worlds. pando_label_sets_intern: any thread of the host's, also its signal handlers; lock-free, no allocation, no
 * system call. Reading a set whose number one has: any. docs/labels.md has the decisions. */
#ifndef PANDO_EXCHANGE_LABELS_H
#define PANDO_EXCHANGE_LABELS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PANDO_LABEL_KEY_BYTES = 32,
    PANDO_LABEL_VALUE_BYTES = 64,
    PANDO_LABELS_IN_SET = 8,
    PANDO_LABEL_SETS_MAX = 1024,
    PANDO_LABEL_SETS_INDEX = 2048,            /* a power of two, at least twice as many */
    PANDO_LABEL_SET_NONE = 0,                 /* no labels */
    PANDO_LABEL_SET_LEFT_OUT = PANDO_LABEL_SETS_MAX + 1, /* there was no room for the set */
};

struct pando_label {
    uint8_t key_bytes, value_bytes;
    char key[PANDO_LABEL_KEY_BYTES], value[PANDO_LABEL_VALUE_BYTES];
};

/* Sorted by key, each key once; unused bytes are zero. */
struct pando_label_set {
    uint32_t count;
    struct pando_label labels[PANDO_LABELS_IN_SET];
};

/* Zeroed memory is an empty one. */
struct pando_label_sets {
    atomic_uint used;                                   /* may count further than there are sets */
    atomic_ushort index[PANDO_LABEL_SETS_INDEX];        /* by hash: a set's number; 0 free */
    struct pando_label_set sets[PANDO_LABEL_SETS_MAX];  /* number 1 is [0] */
};

/* The number of the set with these labels: found, or made. LEFT_OUT when there is no room; NONE for a set without labels. */
uint32_t pando_label_sets_intern(struct pando_label_sets *sets, const struct pando_label_set *wanted);
/* NULL for a number without a set. */
const struct pando_label_set *pando_label_sets_get(const struct pando_label_sets *sets, uint32_t number);

/* Puts a label into a set of one's own, in place of an earlier one of its key. The value is cut at VALUE_BYTES on a character.
 * False: it has PANDO_LABELS_IN_SET others already. */
bool pando_label_set_put(struct pando_label_set *set, const char *key, size_t key_bytes, const char *value, size_t value_bytes);
/* Takes it out, if it is there. */
void pando_label_set_take(struct pando_label_set *set, const char *key, size_t key_bytes);
/* 1 to KEY_BYTES of A-Z a-z 0-9 _ . - /, which stand for themselves in every form that labels take. */
bool pando_label_is_key(const char *key, size_t key_bytes);

#endif
