/* Why: what the page's requests have in common: which profiles, what of them, and how it is answered.
 * Context: own process; the connection's thread. Private to receiver/page_api*.c. */
#ifndef PANDO_RECEIVER_PAGE_API_H
#define PANDO_RECEIVER_PAGE_API_H

#include "profile/slices.h"
#include "profile/states.h"
#include "receiver/request.h"
#include "receiver/store.h"

enum { PANDO_PAGE_ANSWER_MAX_BYTES = 1 << 29 };

/* start, end (ms; all), host, process, pid, thread, label (both any number of times), state. */
struct pando_page_query {
    struct pando_store_query store; /* its texts live as long as the request */
    struct pando_slice_wish slices;
    unsigned view;                  /* profile/states.h */
    bool is_raw;                    /* the tree with states and slices in it, for who makes views himself */
    uint64_t mark;                  /* of all but the time: differs where the answer may */
};

/* Reads the query, or refuses with a sentence: PANDO_ERR_REFUSED. */
int pando_page_query_take(struct pando_request *request, struct pando_page_query *ret_query);
/* A parameter that is a whole number from `min` to `max` and there once, or not at all (*ret_value stays). Else refuses. */
int pando_page_take_number(struct pando_request *request, const char *name, uint64_t min, uint64_t max, const char *what,
                           uint64_t *ret_value);

/* What a query finds. */
struct pando_page_sum {
    struct pando_profile *whole;   /* with slices and states; is_part: of all threads and labels */
    struct pando_profile *shown;   /* as asked for; may be `whole` */
    uint64_t count;                /* profiles */
    uint64_t totals[PANDO_PROFILE_STATES];
    bool has_states, is_part;      /* is_part: a thread or a label was asked for */
    unsigned view;                 /* settled */
};
/* Sums, or refuses (no such group, nothing found, no memory): PANDO_ERR_REFUSED. Waits its turn: sums take memory. */
int pando_page_sum(struct pando_request *request, const struct pando_page_query *query, struct pando_page_sum *ret_sum);
void pando_page_sum_release(struct pando_page_sum *sum);

/* The body has been written: 200 with JSON, or 500 when it became too large. */
void pando_page_finish(struct pando_request *request);
/* A number as common readers of JSON take it: at most 2^63 - 2. Counters are other people's claims. */
uint64_t pando_page_number(uint64_t value);

/* The sum as the page reads it. `group` is one of the names that groups may have. In page_api.c; page_file.c writes the same. */
void pando_page_write_tree(struct pando_buffer *out, const char *group, const struct pando_page_sum *sum);

/* The format that is asked for, or NULL: refused. In page_api_download.c. */
struct pando_export_format;
struct pando_export_about;
const struct pando_export_format *pando_page_take_format(struct pando_request *request);
/* Appends the file's bytes, packed if they should be. The encoder's errors. */
int pando_page_encode(const struct pando_export_format *format, const struct pando_profile *profile,
                      const struct pando_export_about *about, struct pando_buffer *out);

/* ,"threads":[...],"labels":[...]: what a profile with slices weighs by thread name and by label. Nothing when it has none. In
 * page_api_slices.c. */
void pando_page_write_slices(struct pando_buffer *out, const struct pando_profile *whole);

#endif
