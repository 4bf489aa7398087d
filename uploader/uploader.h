/* Why: delivers sealed intervals: one thread, a bounded queue, the same token on every try, backoff with full jitter.
 * Context: worker. Knows bytes and metadata, never trees. Its thread blocks all signals, starts at the first submit and has a
 * descriptor table of its own (Linux 5.9): none of its sockets is ever in the host's. What it has to log is logged by the
 * thread that next calls submit, flush or close. */
#ifndef PANDO_UPLOADER_UPLOADER_H
#define PANDO_UPLOADER_UPLOADER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uploader/payload.h"

/* What became of the intervals; read by anybody at any time (relaxed). Counted once for each payload, by its end. */
struct pando_uploader_counters {
    atomic_ullong posts_delivered;        /* 204 (any 2xx) came back */
    atomic_ullong posts_rejected;         /* 400, 401, 403, 404, 413 ...: dropped, not retried */
    atomic_ullong posts_gave_up;          /* retries used up, or the last flush's deadline passed */
    atomic_ullong posts_queue_full;       /* pushed out of the full queue, oldest first */
    atomic_ullong posts_kept;             /* not delivered, but in the spool for a later process: they are not lost */
    atomic_ullong posts_taken_over;       /* of an earlier process, out of the spool: each ends as one of the above, too */
    atomic_ullong spool_failures;         /* payloads that could not be written to the spool: they were in memory only */
    atomic_ullong spool_dropped;          /* files deleted unsent: no room, too old, damaged */
    atomic_ullong retries;                /* tries beyond the first */
    atomic_ullong samples_delivered;
    atomic_ullong samples_lost;           /* in payloads that were dropped for any reason */
    atomic_ullong thread_cpu_ns;          /* CPU time of the uploader's thread so far */
    atomic_ullong last_delivered_wall_ms; /* when the last payload was taken; 0: none yet */
};

/* What this process runs on, as CodeGuru's agents tell it. */
struct pando_uploader_fleet {
    char id[256];                         /* "" not known (yet) */
    char info[1024];                      /* a JSON object */
};

/* What the service wants of its agents; 0 where it has said nothing. Within sane limits, but not yet weighed against what the user
 * has set. */
struct pando_uploader_orders {
    bool is_paused;                       /* profile nothing */
    uint32_t period_s;                    /* of an interval */
    uint32_t sampling_interval_ms;
    uint32_t minimum_ms;                  /* an interval shorter than that is not reported */
    uint32_t depth_max;
    uint32_t answers;                     /* how often it was asked: goes up with each answer, and each failure */
};

struct pando_uploader_config {
    const char *url;                      /* "http://127.0.0.1:8080", no trailing slash needed; copied. "": the service of AWS in
                                           * the region, and then `signs` */
    bool signs;                           /* requests carry a Signature V4 */
    const char *region;                   /* to sign for; "" or NULL: of AWS's shared files, or of the machine; copied */
    const char *environment;              /* as in base/environment.h; outlives the uploader. NULL: the process's own */
    const char *group;                    /* ^[\w-]{1,255}$; copied */
    const char *user_agent;               /* copied */
    const char *fleet_id;                 /* who this process is for ConfigureAgent; copied. NULL: it is never asked */
    const char *spool;                    /* folder for what is not delivered yet; NULL or "" none; copied */
    uint64_t spool_limit_bytes;           /* 0: 64 MiB */
    size_t queue_limit_bytes;             /* 0: 32 MiB */
    uint32_t queue_limit_payloads;        /* 0: 16 */
    uint32_t tries_max;                   /* 0: 8 */
    uint32_t connect_timeout_ms;          /* 0: 5000 */
    uint32_t total_timeout_ms;            /* 0: 30000, each try */
    uint32_t backoff_first_ms;            /* 0: 500; full jitter: random in [0, first * 2^n] */
    uint32_t backoff_max_ms;              /* 0: 60000 */
    struct pando_uploader_counters *counters; /* the caller's, outlives the uploader */
};

struct pando_uploader;

/* Checks the configuration and makes an uploader without thread or connection. On failure `message` has one sentence
 * for the user. Errors: PANDO_ERR_INVALID (url, group), PANDO_ERR_NO_MEMORY. */
int pando_uploader_new(const struct pando_uploader_config *config, struct pando_uploader **ret_uploader, char *message,
                       size_t message_bytes);
/* Starts the thread already, which makes its libraries ready: before the host, in its exit, shuts down what they share. */
void pando_uploader_prepare(struct pando_uploader *uploader);
/* Has the service asked how to profile, as soon as what is due is sent. */
void pando_uploader_ask(struct pando_uploader *uploader);
/* What was found out about the machine; "" texts as long as it is not known, or is none of AWS's. Looked for when the service is
 * asked for the first time. */
void pando_uploader_fleet(struct pando_uploader *uploader, struct pando_uploader_fleet *ret_fleet);
/* What it said last. */
void pando_uploader_orders(struct pando_uploader *uploader, struct pando_uploader_orders *ret_orders);
/* Queues a payload; ownership passes in every case. Returns 0, or a negative error when it was dropped (and counted). */
int pando_uploader_submit(struct pando_uploader *uploader, struct pando_payload *payload);
/* Waits until the queue is empty and nothing is under way, or the deadline (CLOCK_MONOTONIC ns): PANDO_ERR_TIMEOUT.
 * Backoff waits are cut short, each payload left gets one try at once. When such a try finds nobody there (refused, unknown
 * name, failed TLS) there is nothing to wait for: PANDO_ERR_NETWORK at once. What is left stays queued in both cases. */
int pando_uploader_flush(struct pando_uploader *uploader, uint64_t deadline_mono_ns);
/* Ends the thread for now (a transfer under way is aborted and will be tried again under its token); what is queued stays, and
 * the next submit or flush starts it again. PANDO_ERR_TIMEOUT: it did not end. */
int pando_uploader_rest(struct pando_uploader *uploader);
/* Ends the thread (a transfer under way is aborted within 100 ms), counts what is left as given up, frees all. */
void pando_uploader_close(struct pando_uploader *uploader);

#endif
