/* Why: what is measured beside the samples from one seal to the next: times, threads, Pando's own cost; and what stays the same
 * for a process's life. It becomes the profile's metadata.
 * Context: the agent's thread. Private to worker/. */
#ifndef PANDO_WORKER_INTERVAL_H
#define PANDO_WORKER_INTERVAL_H

#include <stdint.h>

#include "exchange/door.h"
#include "profile/profile.h"

struct pando_interval {
    const struct pando_door_host *host;
    char fleet_id[PANDO_PROFILE_ID_SIZE]; /* of this process's start */
    uint64_t start_wall_ns, start_mono_ns;
    uint64_t last_sample_wall_ns;
    uint64_t process_cpu_ns, overhead_cpu_ns; /* at the start */
    uint64_t overhead_now_ns;                 /* CPU time of all of Pando's threads so far: set before a seal */
    uint64_t threads_sum, threads_looks;      /* for the mean */
    uint64_t memory_bytes;                    /* of Pando's, at the last look */
    const char *fleet_info;                   /* as in pando_profile_meta; "" none */
};

/* 0, or PANDO_ERR_IO when there is no randomness for an identity. */
int pando_interval_init(struct pando_interval *interval, const struct pando_door_host *host);
/* Now and then while it lasts, with how many samples came since the last look. */
void pando_interval_look(struct pando_interval *interval, uint64_t samples);
/* Fills the profile's metadata; `context` is the interval. Fits pando_aggregator_seal. */
void pando_interval_fill_meta(void *context, struct pando_profile_builder *builder);
/* The next one begins. */
void pando_interval_restart(struct pando_interval *interval);

#endif
