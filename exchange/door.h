/* Why: the one place where the guest and the worker meet: what libpando.so hands over when it opens libpando-worker.so, and what
 * it may call then. Both are built from one source tree; the number tells when they are not.
 * Context: all calls come from the agent's own thread. Plain data and function pointers, no symbols across the border. */
#ifndef PANDO_EXCHANGE_DOOR_H
#define PANDO_EXCHANGE_DOOR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "exchange/counters.h"
#include "exchange/labels.h"
#include "exchange/objects.h"
#include "exchange/ring.h"

enum { PANDO_DOOR_VERSION = 5, PANDO_DOOR_GROUP_BYTES = 256, PANDO_DOOR_URL_BYTES = 2048, PANDO_DOOR_PATH_BYTES = 512,
       PANDO_DOOR_REGION_BYTES = 64 };

/* Who was sampled, as far as it is told apart (docs/labels.md). */
enum pando_door_slices { PANDO_DOOR_NO_SLICES, PANDO_DOOR_SLICES_BY_NAME, PANDO_DOOR_SLICES_BY_THREAD };
#define PANDO_DOOR_SYMBOL "pando_worker_door"

/* What the user has chosen, checked and complete. */
struct pando_door_settings {
    char url[PANDO_DOOR_URL_BYTES];
    char group[PANDO_DOOR_GROUP_BYTES];
    char log_path[PANDO_DOOR_PATH_BYTES];
    enum pando_log_level log_level;
    uint32_t rate_hz;                      /* of CPU time */
    uint32_t units_per_s;                  /* what sample weights are told in: rate_hz, or, of wall time alone, milliseconds */
    bool has_wall_time;
    enum pando_door_slices slices;
    struct pando_label_set labels;         /* of all threads */
    uint32_t interval_s;
    uint32_t depth_max;
    uint32_t tree_limit_mib;
    uint32_t lines_limit_mib;              /* of debug information; 0: lines are not looked for */
    uint32_t budget_percent;               /* of the process's CPU time that profiling may take */
    char region[PANDO_DOOR_REGION_BYTES];  /* of AWS, "" not known */
    char spool[PANDO_DOOR_PATH_BYTES];     /* folder for what is not delivered yet; "" none */
    uint32_t spool_limit_mib;
    bool signs;                            /* requests carry a Signature V4. With it, url "": the service in the region */
    bool body_is_ion;                      /* profiles are posted as Ion, else as JSON */
    bool is_orchestrated;                  /* the service is asked how to profile, and obeyed where the user has set nothing: */
    bool has_own_rate, has_own_interval, has_own_depth;
};

/* What the service wants, weighed against what the user has set: written by the worker, obeyed by the guest. */
struct pando_door_orders {
    atomic_bool is_paused;
    atomic_uint sampling_interval_ms;      /* 0: as set */
};

typedef int pando_create_thread(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);

struct pando_door_host {
    struct pando_ring *ring;
    struct pando_objects *objects;
    struct pando_counters *counters;
    const struct pando_label_sets *label_sets;
    const struct pando_door_settings *settings;
    struct pando_door_orders *orders;
    /* The guest's: it takes note of the threads that Pando's own threads make. */
    pando_create_thread *create_thread;
    const char *environment;               /* as base/environment.h has it, since the start; secrets are in it */
    uint64_t start_wall_ns, start_mono_ns; /* of sampling in this process */
    uint64_t start_cpu_ns;                 /* CPU time that the process had used by then */
};

struct pando_worker;
typedef void pando_door_say(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct pando_door {
    uint32_t version;             /* PANDO_DOOR_VERSION, or nothing else may be touched */
    /* Makes a worker. On failure `message` has one sentence. */
    int (*open)(const struct pando_door_host *host, struct pando_worker **ret_worker, char *message, size_t message_bytes);
    /* One turn: takes samples, ends the interval when it is time, hands it to the uploader. Returns after how many nanoseconds
     * it wants the next turn at the latest (UINT64_MAX: only when there are samples again). */
    uint64_t (*turn)(struct pando_worker *worker);
    /* Ends the interval now and waits until all is delivered, or the deadline. 0, PANDO_ERR_TIMEOUT, PANDO_ERR_NETWORK,
     * PANDO_ERR_REFUSED. */
    int (*flush)(struct pando_worker *worker, uint64_t deadline_mono_ns);
    /* Ends the worker's threads and frees it. What is not delivered is lost (counted, logged): flush before. */
    void (*close)(struct pando_worker *worker);
    /* Ends the worker's own threads for now; they start again with the next interval. What is queued stays. */
    void (*rest)(struct pando_worker *worker);
    /* Sampling begins again after a pause, at the beginning of which all was flushed: a new interval begins now. */
    void (*go_on)(struct pando_worker *worker);
    /* Says in lines what the user may want to know of deliveries; *problem gets the last problem, if there was one. */
    void (*describe)(const struct pando_worker *worker, pando_door_say *say, struct pando_log_problem *problem);
    /* What became of profiles, by name, as in pando_counters_visit. NULL worker: nothing. */
    void (*visit_counters)(const struct pando_worker *worker, void (*visit)(void *context, const char *name, uint64_t value),
                           void *context);
};

#endif
