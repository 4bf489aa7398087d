/* Why: two profiles side by side, by function: what each has of its own whole, and how much of the difference may be chance.
 * Context: own processes. Pure.
 * Noise: shares are of samples; of n samples a share p is uncertain by sqrt(p (1 - p) / n). What is closer than three times the
 * uncertainty of the difference (of both shares, taken together) is no difference. docs/formats.md. */
#ifndef PANDO_PROFILE_COMPARE_H
#define PANDO_PROFILE_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "profile/profile.h"

#define PANDO_COMPARE_SIGMAS 3.0

/* One side. The profile has neither states nor slices (profile/states.h: a view). */
struct pando_compare_side {
    const struct pando_profile *profile;
    double ns_per_sample;   /* above 0 */
};

/* A share of A and of B, in percent. */
struct pando_compare_share {
    double a, b;
    double noise;           /* percentage points: PANDO_COMPARE_SIGMAS times the uncertainty of b - a */
    bool is_change;         /* b - a is more than noise */
};

/* A function, by its name: versions of a program may have it in other objects and lines. Functions without a name are one of each
 * object, "[object]". */
struct pando_compare_row {
    const char *name;       /* the comparison's */
    struct pando_compare_share self, total;
};

struct pando_compare {
    struct pando_compare_row *rows; /* the largest changes of self first, then of total, then what is none */
    uint32_t count;
    uint64_t total_a, total_b;      /* nanoseconds */
    double samples_a, samples_b;
    void *names;                    /* keeps the names' bytes */
};

/* 0 or PANDO_ERR_NO_MEMORY. */
int pando_compare_make(const struct pando_compare_side *a, const struct pando_compare_side *b, struct pando_compare *ret_compare);
void pando_compare_release(struct pando_compare *compare);
/* Three sigma of one share, in percentage points: of `percent` in `samples`. */
double pando_compare_noise_of(double percent, double samples);

#endif
