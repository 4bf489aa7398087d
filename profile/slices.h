/* Why: a slice is who was sampled: the thread's name and number, and the labels that it had. In a call tree the slice is a leaf,
 * as a state is (profile/states.h): function -> slice -> state; so merging, storing and adding up know nothing of slices. Only the
 * encoders, the decoder and views look at them.
 * Context: worker and own processes. Pure. docs/labels.md has the decisions. */
#ifndef PANDO_PROFILE_SLICES_H
#define PANDO_PROFILE_SLICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile/profile.h"
#include "profile/states.h"

enum {
    PANDO_SLICE_THREAD_BYTES = 64,   /* of UTF-8, as are the next two; more is cut on a character */
    PANDO_SLICE_KEY_BYTES = 32,
    PANDO_SLICE_VALUE_BYTES = 64,
    PANDO_SLICE_LABELS_MAX = 20,
    PANDO_SLICE_NAME_BYTES = 4096,   /* of a rendered slice, with its NUL */
    PANDO_SLICE_WISHES_MAX = 32,     /* threads, and labels, in one wish */
    PANDO_SLICES_MAX = 4096,         /* in one body */
};

/* The object of a slice's frame. No key of a received body and no file's name comes out as this. */
#define PANDO_PROFILE_SLICE_OBJECT "<slice>"
/* The thread of the slice that stands for all those for which an interval had no room. */
#define PANDO_SLICE_OTHER_THREAD "<other>"
/* The labels that say which request a thread worked for, in hexadecimal digits. */
#define PANDO_SLICE_TRACE_KEY "trace_id"
#define PANDO_SLICE_SPAN_KEY "span_id"

struct pando_slice_label {
    char key[PANDO_SLICE_KEY_BYTES + 1], value[PANDO_SLICE_VALUE_BYTES + 1];
};

struct pando_slice {
    char thread[PANDO_SLICE_THREAD_BYTES + 1]; /* "" unknown */
    uint32_t tid;                              /* 0: of any number */
    uint32_t label_count;
    struct pando_slice_label labels[PANDO_SLICE_LABELS_MAX]; /* sorted by key, each key once */
};

/* Both take any bytes: what is no UTF-8, and NUL, becomes U+FFFD; what is too long is cut. */
void pando_slice_set_thread(struct pando_slice *slice, const char *name, size_t name_bytes);
/* Sets a label; a later value of the same key replaces the earlier one. False: there is no room, or the key is empty. */
bool pando_slice_set_label(struct pando_slice *slice, const char *key, size_t key_bytes, const char *value, size_t value_bytes);

/* Takes a label away, if it is there. */
void pando_slice_clear_label(struct pando_slice *slice, const char *key);

/* The one name that a slice has as a frame: "thread;tid;key=value;..." with `%`, `;`, `=`, and control characters as %XX, tid 0 as
 * nothing. Returns its length; 0: it would be longer than NAME_BYTES - 1 (then *name is ""). */
size_t pando_slice_render(const struct pando_slice *slice, char name[PANDO_SLICE_NAME_BYTES]);
/* The slice of that name. False: it is not what render makes of any slice (then *ret_slice is one without a name). */
bool pando_slice_parse(const char *name, struct pando_slice *ret_slice);

/* Whether a frame of the profile stands for a slice. */
bool pando_profile_frame_is_slice(const struct pando_profile *profile, uint32_t frame);
/* The slice's frame in a builder (one that is too long to be rendered: its thread only), or the builder's errors. */
int64_t pando_profile_builder_slice(struct pando_profile_builder *builder, const struct pando_slice *slice);

/* Which slices are wanted. Threads: one of them (none: any). Labels: of each key that is named, one of its values. */
struct pando_slice_wish {
    uint32_t thread_count, label_count;
    char threads[PANDO_SLICE_WISHES_MAX][PANDO_SLICE_THREAD_BYTES + 1];
    struct pando_slice_label labels[PANDO_SLICE_WISHES_MAX];
};

/* "NAME"; "" is a thread without a name. False: there are too many. */
bool pando_slice_wish_thread(struct pando_slice_wish *wish, const char *text);
/* "KEY:VALUE", where the first colon ends the key. False: there is none, the key is empty, or there are too many. */
bool pando_slice_wish_label(struct pando_slice_wish *wish, const char *text);
bool pando_slice_is_wished(const struct pando_slice *slice, const struct pando_slice_wish *wish);

/* The profile with the wished slices' weight only, where no slice is a frame any more; states stay as they are. NULL or an empty
 * wish: the weight of all slices, and what is in none. Functions whose file was not known at first are one (profile/twins.h).
 * *ret_selected is `profile` itself when there is nothing to do, else a new one; the caller frees both (once).
 * PANDO_ERR_NO_MEMORY. */
int pando_profile_select(struct pando_profile *profile, const struct pando_slice_wish *wish, struct pando_profile **ret_selected);

/* What pando_profile_select would leave, by state, each node's weight times `factor` and rounded as a sum rounds it; no profile is made.
 * PANDO_ERR_NO_MEMORY. */
int pando_profile_slice_totals(const struct pando_profile *profile, const struct pando_slice_wish *wish, double factor,
                               uint64_t totals[PANDO_PROFILE_STATES]);

/* A slice and what it weighs. */
struct pando_slice_weight {
    struct pando_slice slice;
    uint64_t cpu, wall;   /* wall: the states' */
};
struct pando_slice_list {
    struct pando_slice_weight *slices; /* the heaviest first */
    uint32_t count;
    uint64_t outside_cpu, outside_wall; /* weight that is in no slice */
};

/* The slices of a profile that has not been through a view. PANDO_ERR_NO_MEMORY. */
int pando_profile_slice_list(const struct pando_profile *profile, struct pando_slice_list *ret_list);
void pando_profile_slice_list_release(struct pando_slice_list *list);

/* What all slices with one thread's name, or with one value of a label, weigh together. */
struct pando_slice_sum {
    const char *key;      /* "" for a thread's name */
    const char *value;
    uint64_t cpu, wall;
};
struct pando_slice_sums {
    struct pando_slice_sum *sums; /* threads first, then by key; of each the heaviest first */
    uint32_t count;
};

/* The texts are the list's, which must stay. PANDO_ERR_NO_MEMORY. */
int pando_profile_slice_sums(const struct pando_slice_list *list, struct pando_slice_sums *ret_sums);
void pando_profile_slice_sums_release(struct pando_slice_sums *sums);

#endif
