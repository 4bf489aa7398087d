/* Why: uploader/uploader.h: what the worker calls. Context: worker, any of its threads.
 * A forked child never uses its parent's uploader (the worker makes a new one), so there are no fork handlers here. */
#include "uploader/uploader.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "uploader/bearer.h"
#include "uploader/codeguru_endpoint.h"
#include "uploader/sender.h"

enum { CLOSE_WAIT_MS = 2000, STACK_BYTES = 1024 * 1024 };

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

static struct timespec to_timespec(uint64_t mono_ns)
{
    return (struct timespec){.tv_sec = (time_t)(mono_ns / 1000000000u), .tv_nsec = (long)(mono_ns % 1000000000u)};
}

static int init_locks(struct pando_uploader *uploader)
{
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic) != 0)
        return PANDO_ERR_NO_MEMORY;
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&uploader->lock, NULL); /* with default attributes these cannot fail on Linux */
    pthread_cond_init(&uploader->work, &monotonic);
    pthread_cond_init(&uploader->progress, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return 0;
}

static void free_uploader(struct pando_uploader *uploader)
{
    pthread_cond_destroy(&uploader->work);
    pthread_cond_destroy(&uploader->progress);
    pthread_mutex_destroy(&uploader->lock);
    pando_http_settings_release(&uploader->settings);
    pando_signer_free(uploader->destination.signer);
    free(uploader);
}

/* The URL, and who signs. Without a URL it is AWS's; its region is looked for in the files here, on the machine later. */
static int set_destination(struct pando_uploader *uploader, const struct pando_uploader_config *config, char *message,
                           size_t message_bytes)
{
    char region[PANDO_SIGNER_REGION_BYTES] = "", derived[256];
    const char *url = config->url;
    bool is_derived = url != NULL && url[0] == '\0' && config->signs;
    if (config->region != NULL)
        snprintf(region, sizeof region, "%s", config->region);
    if (config->signs && region[0] == '\0' && pando_codeguru_profile_region(config->environment, region, sizeof region) != 0)
        region[0] = '\0';
    if (is_derived) {
        uploader->destination.lacks_region = region[0] == '\0';
        if (pando_codeguru_url(config->environment, region[0] != '\0' ? region : "us-east-1", derived, sizeof derived) == 0)
            url = derived;
    }
    int error = config->signs ? 0 : pando_bearer_check(config->environment, message, message_bytes);
    if (error != 0)
        return error;
    error = pando_http_settings_make(url, config->group, config->user_agent, config->environment, &uploader->settings, message,
                                         message_bytes);
    if (error != 0)
        return error;
    snprintf(uploader->group, sizeof uploader->group, "%s", config->group);
    snprintf(uploader->fleet_id, sizeof uploader->fleet_id, "%s", config->fleet_id != NULL ? config->fleet_id : "");
    uploader->environment = config->environment;
    uploader->destination.settings = &uploader->settings;
    uploader->destination.group = uploader->group;
    uploader->destination.environment = config->environment;
    if (config->signs) {
        uploader->settings.needs_tls = true;
        uploader->destination.signer = pando_signer_new(config->environment, region);
        error = uploader->destination.signer != NULL ? 0 : PANDO_ERR_NO_MEMORY;
    }
    return error;
}

int pando_uploader_new(const struct pando_uploader_config *config, struct pando_uploader **ret_uploader, char *message,
                       size_t message_bytes)
{
    if (message_bytes != 0)
        message[0] = '\0';
    struct pando_uploader *uploader = calloc(1, sizeof *uploader);
    int error = uploader == NULL ? PANDO_ERR_NO_MEMORY : init_locks(uploader);
    if (error != 0) {
        free(uploader);
        snprintf(message, message_bytes, "There is no memory for the uploader.");
        return error;
    }
    error = set_destination(uploader, config, message, message_bytes);
    if (error != 0) {
        free_uploader(uploader);
        if (error == PANDO_ERR_NO_MEMORY)
            snprintf(message, message_bytes, "There is no memory for the uploader.");
        return error;
    }
    uploader->settings.connect_timeout_ms = or_default(config->connect_timeout_ms, 5000);
    uploader->settings.total_timeout_ms = or_default(config->total_timeout_ms, 30000);
    uploader->queue.limit_bytes = config->queue_limit_bytes != 0 ? config->queue_limit_bytes : (size_t)32 * 1024 * 1024;
    uploader->queue.limit_payloads = or_default(config->queue_limit_payloads, 16);
    uploader->policy.tries_max = or_default(config->tries_max, 8);
    uploader->policy.backoff_first_ms = or_default(config->backoff_first_ms, 500);
    uploader->policy.backoff_max_ms = or_default(config->backoff_max_ms, 60000);
    if (config->spool != NULL)
        snprintf(uploader->spool.folder, sizeof uploader->spool.folder, "%s", config->spool);
    snprintf(uploader->spool.group, sizeof uploader->spool.group, "%s", config->group);
    uploader->spool.limit_bytes = config->spool_limit_bytes != 0 ? config->spool_limit_bytes : 64ull << 20;
    uploader->counters = config->counters != NULL ? config->counters : &uploader->own_counters;
    uploader->spool.counters = uploader->counters;
    if (uploader->settings.in_clear)
        pando_log(PANDO_LOG_WARN, "profiles go to \"%s\" unencrypted; use https for a receiver on another host",
                  config->url);
    *ret_uploader = uploader;
    return 0;
}

static int create_thread(struct pando_uploader *uploader, size_t stack_bytes)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0)
        return PANDO_ERR_NO_MEMORY;
    if (stack_bytes != 0)
        pthread_attr_setstacksize(&attributes, stack_bytes);
    int failed = pthread_create(&uploader->thread, &attributes, pando_sender_run, uploader);
    pthread_attr_destroy(&attributes);
    return failed == 0 ? 0 : PANDO_ERR_NO_MEMORY;
}

/* The new thread inherits the mask, so no signal of the host's can ever land on it; libcurl's look-up thread inherits it in
 * turn. (glibc keeps its own two, 32 and 33, out of the set: setuid and pthread_cancel need them.) SIGPIPE and SIGXFSZ, which
 * a write of ours could raise, stay pending on the thread and do no harm. Under the lock. */
static int start_thread(struct pando_uploader *uploader)
{
    if (uploader->thread_runs)
        return 0;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = create_thread(uploader, STACK_BYTES);
    if (error != 0)
        error = create_thread(uploader, 0); /* the host's thread-local storage alone may be larger than our stack */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0)
        pando_log(PANDO_LOG_ERROR, "the upload thread could not be started; profiles wait until one can");
    uploader->thread_runs = error == 0;
    return error;
}

/* What is in the spool is not lost. */
static void count_lost(atomic_ullong *counter, struct pando_uploader_counters *counters,
                       const struct pando_payload *payloads)
{
    for (const struct pando_payload *payload = payloads; payload != NULL; payload = payload->next) {
        bool is_kept = payload->file_name[0] != '\0';
        atomic_fetch_add_explicit(is_kept ? &counters->posts_kept : counter, 1, memory_order_relaxed);
        if (!is_kept)
            atomic_fetch_add_explicit(&counters->samples_lost, payload->samples, memory_order_relaxed);
    }
}

static void free_list(struct pando_payload *payloads)
{
    while (payloads != NULL) {
        struct pando_payload *next = payloads->next;
        pando_payload_free(payloads);
        payloads = next;
    }
}

void pando_uploader_prepare(struct pando_uploader *uploader)
{
    pthread_mutex_lock(&uploader->lock);
    start_thread(uploader);
    pthread_mutex_unlock(&uploader->lock);
}

void pando_uploader_ask(struct pando_uploader *uploader)
{
    if (uploader->fleet_id[0] == '\0')
        return;
    pthread_mutex_lock(&uploader->lock);
    uploader->is_to_ask = true;
    start_thread(uploader);
    pthread_cond_broadcast(&uploader->work);
    pthread_mutex_unlock(&uploader->lock);
}

void pando_uploader_fleet(struct pando_uploader *uploader, struct pando_uploader_fleet *ret_fleet)
{
    pthread_mutex_lock(&uploader->lock);
    *ret_fleet = uploader->fleet;
    pthread_mutex_unlock(&uploader->lock);
}

void pando_uploader_orders(struct pando_uploader *uploader, struct pando_uploader_orders *ret_orders)
{
    pthread_mutex_lock(&uploader->lock);
    *ret_orders = uploader->orders;
    pthread_mutex_unlock(&uploader->lock);
    pando_notes_say(&uploader->notes, &uploader->lock);
}

int pando_uploader_submit(struct pando_uploader *uploader, struct pando_payload *payload)
{
    char problem[128];
    if (uploader->spool.folder[0] != '\0' &&
        pando_spool_write(&uploader->spool, payload, problem, sizeof problem) != 0 && problem[0] != '\0')
        pando_log(PANDO_LOG_WARN, "the spool \"%.200s\" cannot be used, profiles wait in memory only: %s", uploader->spool.folder,
                  problem);
    pthread_mutex_lock(&uploader->lock);
    struct pando_payload *dropped = pando_queue_push(&uploader->queue, payload);
    count_lost(&uploader->counters->posts_queue_full, uploader->counters, dropped);
    bool say = dropped != NULL && !uploader->overflow_was_said;
    if (dropped != NULL)
        uploader->overflow_was_said = true;
    start_thread(uploader); /* if that fails the payload waits: the next submit or flush tries again */
    pthread_cond_broadcast(&uploader->work);
    pthread_cond_broadcast(&uploader->progress);
    pthread_mutex_unlock(&uploader->lock);
    pando_notes_say(&uploader->notes, &uploader->lock);
    if (say)
        pando_log(PANDO_LOG_WARN, "the upload queue is full (%u profiles, %zu bytes at most): the oldest are dropped",
                  uploader->queue.limit_payloads, uploader->queue.limit_bytes);
    int result = dropped == payload ? PANDO_ERR_LIMIT : 0;
    free_list(dropped);
    return result;
}

int pando_uploader_flush(struct pando_uploader *uploader, uint64_t deadline_mono_ns)
{
    struct timespec deadline = to_timespec(deadline_mono_ns);
    pthread_mutex_lock(&uploader->lock);
    int result = 0;
    if (uploader->queue.head != NULL) {
        result = start_thread(uploader);
        uploader->flush_number++;
        uploader->flushes_waiting++;
        uploader->flush_is_hopeless = false;
        pthread_cond_broadcast(&uploader->work);
        while (result == 0 && uploader->queue.head != NULL) {
            if (uploader->flush_is_hopeless)
                result = PANDO_ERR_NETWORK;
            else if (uploader->thread_ended)
                result = PANDO_ERR_NO_MEMORY; /* it found none for libcurl */
            else if (pthread_cond_timedwait(&uploader->progress, &uploader->lock, &deadline) == ETIMEDOUT)
                result = uploader->queue.head != NULL ? PANDO_ERR_TIMEOUT : 0;
        }
        uploader->flushes_waiting--;
    }
    pthread_mutex_unlock(&uploader->lock);
    pando_notes_say(&uploader->notes, &uploader->lock);
    return result;
}

/* Waits for the thread to end. It does within a moment, unless something under it never returns (a lock of a library's that
 * was held when the process forked). A host that ends must not hang on that: false after two seconds. Under the lock. */
static bool thread_ends(struct pando_uploader *uploader)
{
    struct timespec limit = to_timespec(pando_clock_mono_ns() + (uint64_t)CLOSE_WAIT_MS * 1000000);
    int error = 0;
    while (uploader->thread_runs && !uploader->thread_ended && error == 0)
        error = pthread_cond_timedwait(&uploader->progress, &uploader->lock, &limit);
    return !uploader->thread_runs || uploader->thread_ended;
}

int pando_uploader_rest(struct pando_uploader *uploader)
{
    pthread_mutex_lock(&uploader->lock);
    atomic_store(&uploader->closing, true);
    pthread_cond_broadcast(&uploader->work);
    bool ended = thread_ends(uploader), was_there = uploader->thread_runs;
    pthread_mutex_unlock(&uploader->lock);
    if (ended && was_there)
        pthread_join(uploader->thread, NULL);
    pthread_mutex_lock(&uploader->lock);
    if (ended)
        uploader->thread_runs = uploader->thread_ended = false;
    atomic_store(&uploader->closing, false);
    pthread_mutex_unlock(&uploader->lock);
    return ended ? 0 : PANDO_ERR_TIMEOUT;
}

void pando_uploader_close(struct pando_uploader *uploader)
{
    if (uploader == NULL)
        return;
    pthread_mutex_lock(&uploader->lock);
    atomic_store(&uploader->closing, true);
    pthread_cond_broadcast(&uploader->work);
    bool ended = thread_ends(uploader);
    count_lost(&uploader->counters->posts_gave_up, uploader->counters, uploader->queue.head);
    uploader->abandoned = !ended;
    pthread_mutex_unlock(&uploader->lock);
    pando_notes_say(&uploader->notes, &uploader->lock);
    if (!ended) {
        pando_log(PANDO_LOG_ERROR, "the upload thread does not end; it and its memory are left behind");
        return;
    }
    if (uploader->thread_runs)
        pthread_join(uploader->thread, NULL);
    free_list(uploader->queue.head);
    free_uploader(uploader);
}
