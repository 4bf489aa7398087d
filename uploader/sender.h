/* Why: the state that the uploader's two sides share: uploader.c (called by the worker) and sender.c (its thread).
 * Context: worker. Private to uploader/. Everything under `lock` unless it says otherwise. */
#ifndef PANDO_UPLOADER_SENDER_H
#define PANDO_UPLOADER_SENDER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "uploader/configure.h"
#include "uploader/http.h"
#include "uploader/notes.h"
#include "uploader/post.h"
#include "uploader/queue.h"
#include "uploader/retry.h"
#include "uploader/spool.h"
#include "uploader/uploader.h"

struct pando_uploader {
    pthread_mutex_t lock;
    pthread_cond_t work;      /* the thread waits: a payload, a flush, the end */
    pthread_cond_t progress;  /* flush and close wait: a try has ended, the thread has */
    struct pando_queue queue;
    uint32_t flush_number;    /* of the latest flush, from 1; a payload's flush_number tells whether it had its try */
    uint32_t flushes_waiting;
    bool flush_is_hopeless;   /* a try of this flush found nobody there */
    bool is_to_ask;           /* ConfigureAgent is due */
    struct pando_uploader_orders orders;
    struct pando_uploader_fleet fleet;
    bool thread_runs;
    bool thread_ended;        /* all it still does is return */
    bool abandoned;           /* close could not wait for the thread any longer: it must touch nothing of the caller's */
    bool overflow_was_said;
    struct pando_notes notes; /* what the thread has to say */
    pthread_t thread;
    atomic_bool closing;      /* also without the lock: it aborts the transfer */

    /* Set before the thread starts, never changed. */
    struct pando_http_settings settings;
    char group[256], fleet_id[256];
    const char *environment;
    struct pando_retry_policy policy;
    struct pando_spool spool; /* folder "": none */
    struct pando_uploader_counters *counters;
    struct pando_uploader_counters own_counters; /* when the caller has none */

    /* The thread's alone. */
    struct pando_destination destination;
    bool has_fleet;           /* it was looked for */
    bool spool_is_empty;      /* nothing was left in it when it was last looked at, or what is in it has just been tried in vain */
    bool has_kept;            /* some of our own were left in it since the last delivery */
    long configure_status;    /* of the last ConfigureAgent */
    bool in_outage;
    long last_rejection;      /* status; 0 none since the last delivery */
};

/* The thread's function; `context` is the uploader. */
void *pando_sender_run(void *context);

#endif
