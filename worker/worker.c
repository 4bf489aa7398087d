/* Why: worker/worker.h. Context: the agent's thread. */
#include "worker/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/log.h"
#include "collector/aggregator.h"
#include "profile/codeguru_ion.h"
#include "symbols/thread_memory.h"
#include "uploader/uploader.h"
#include "worker/cycle.h"
#include "worker/host_functions.h"
#include "worker/interval.h"
#include "worker/upload_counters.h"

enum {
    RECORDS_A_TURN = 4096,
    NO_MEMORY_WAIT_MS = 1000,
    BODY_LIMIT_BYTES = 64 << 20,
    TREE_MIB_BYTES = 1 << 20,
};

struct pando_worker {
    const struct pando_door_host *host;
    struct pando_door_host host_copy;
    struct pando_aggregator *aggregator;
    struct pando_uploader *uploader;
    struct pando_upload_counters uploads;
    struct pando_interval interval;
    struct pando_cycle cycle;
    struct pando_uploader_fleet fleet;
    uint64_t next_seal_mono_ns;
    pid_t thread;               /* that has entered symbols/ */
};

/* The agent's thread may be another one since the last time. */
static int enter_thread(struct pando_worker *worker)
{
    pid_t self = gettid();
    int error = worker->thread == self ? 0 : pando_symbols_enter_thread();
    if (error == 0)
        worker->thread = self;
    return error;
}

static uint64_t interval_ns(const struct pando_worker *worker)
{
    return worker->cycle.interval_s * 1000000000ull;
}

int pando_worker_open(const struct pando_door_host *host, struct pando_worker **ret_worker, char *message,
                      size_t message_bytes)
{
    const struct pando_door_settings *settings = host->settings;
    pando_host_functions_set(host->create_thread);
    pando_log_open(settings->log_path, settings->log_level); /* this object has a log of its own */
    struct pando_worker *worker = calloc(1, sizeof *worker);
    int error = PANDO_ERR_NO_MEMORY;
    if (worker == NULL)
        goto failed;
    worker->host_copy = *host;
    worker->host = &worker->host_copy;
    error = enter_thread(worker);
    if (error != 0)
        goto failed;
    pando_cycle_init(&worker->cycle, settings);
    error = pando_interval_init(&worker->interval, worker->host);
    if (error != 0)
        goto failed;
    const struct pando_aggregator_config collect = {
        .ring = host->ring, .objects = host->objects, .counters = host->counters,
        .tree_limit_bytes = (size_t)settings->tree_limit_mib * TREE_MIB_BYTES, .depth_max = settings->depth_max,
        .lines_limit_bytes = (size_t)settings->lines_limit_mib << 20, .budget_percent = settings->budget_percent,
        .asks_debuginfod = pando_environment_get(host->environment, "DEBUGINFOD_URLS") != NULL,
        .has_wall_time = settings->has_wall_time,
        .has_slices = settings->slices != PANDO_DOOR_NO_SLICES,
        .slices_by_thread = settings->slices == PANDO_DOOR_SLICES_BY_THREAD,
        .label_sets = host->label_sets, .labels = &settings->labels,
    };
    worker->aggregator = pando_aggregator_new(&collect);
    error = PANDO_ERR_NO_MEMORY;
    if (worker->aggregator == NULL)
        goto failed;
    const struct pando_uploader_config upload = {
        .url = settings->url, .group = settings->group, .user_agent = "pando/" PANDO_VERSION,
        .signs = settings->signs, .region = settings->region, .environment = host->environment,
        .spool = settings->spool, .spool_limit_bytes = (uint64_t)settings->spool_limit_mib << 20,
        .fleet_id = settings->is_orchestrated ? worker->interval.fleet_id : NULL, .counters = &worker->uploads.now,
    };
    error = pando_uploader_new(&upload, &worker->uploader, message, message_bytes);
    if (error != 0) {
        pando_aggregator_free(worker->aggregator);
        free(worker);
        return error;
    }
    worker->next_seal_mono_ns = host->start_mono_ns + interval_ns(worker);
    pando_uploader_prepare(worker->uploader);
    pando_uploader_ask(worker->uploader);
    *ret_worker = worker;
    return 0;
failed:
    if (worker != NULL)
        pando_aggregator_free(worker->aggregator);
    free(worker);
    snprintf(message, message_bytes, "the worker cannot begin: %s.", pando_error_text(error));
    return error;
}

/* Of Pando's threads, and of its handler in the host's. */
static uint64_t own_cpu_ns(const struct pando_worker *worker)
{
    return pando_clock_thread_cpu_ns() + atomic_load_explicit(&worker->uploads.now.thread_cpu_ns, memory_order_relaxed) +
           atomic_load_explicit(&worker->host->counters->handler_ns, memory_order_relaxed) +
           atomic_load_explicit(&worker->host->counters->wall_clock_ns, memory_order_relaxed);
}

/* Ends the interval and forgets it. */
static void discard(struct pando_worker *worker)
{
    worker->uploads.samples_unwanted += pando_aggregator_samples(worker->aggregator);
    pando_profile_free(pando_aggregator_seal(worker->aggregator, pando_interval_fill_meta, &worker->interval));
    pando_interval_restart(&worker->interval);
}

static void fill_meta(void *context, struct pando_profile_builder *builder)
{
    struct pando_worker *worker = context;
    pando_interval_fill_meta(&worker->interval, builder);
    pando_upload_counters_tell(&worker->uploads, builder);
}

/* Hands the interval to the uploader. The samples stay in the tree when there is no memory for the profile. */
static void seal(struct pando_worker *worker)
{
    worker->next_seal_mono_ns = pando_clock_mono_ns() + interval_ns(worker);
    worker->interval.overhead_now_ns = own_cpu_ns(worker);
    pando_uploader_fleet(worker->uploader, &worker->fleet);
    worker->interval.fleet_info = worker->fleet.info;
    worker->interval.memory_bytes = pando_ring_capacity_words(worker->host->ring) * 8ull;
    struct pando_profile *profile = pando_aggregator_seal(worker->aggregator, fill_meta, worker);
    if (profile == NULL)
        return;
    pando_upload_counters_were_told(&worker->uploads);
    pando_interval_restart(&worker->interval);
    struct pando_buffer body;
    pando_buffer_init(&body, BODY_LIMIT_BYTES);
    uint64_t samples = profile->meta.samples;
    const struct pando_codeguru_form form = {.is_ion = worker->host->settings->body_is_ion,
                                             .is_extended = worker->host->settings->slices != PANDO_DOOR_NO_SLICES};
    int error = pando_codeguru_encode(profile, &form, &body);
    pando_profile_free(profile);
    struct pando_payload *payload = NULL;
    if (error == 0) {
        size_t len_bytes;
        char *bytes = pando_buffer_detach(&body, &len_bytes);
        payload = pando_payload_new(bytes, len_bytes, form.is_ion ? "application/x-amzn-ion" : "application/json", samples);
        error = payload == NULL ? PANDO_ERR_NO_MEMORY : pando_uploader_submit(worker->uploader, payload);
    } else {
        pando_buffer_release(&body);
    }
    if (payload == NULL) {
        atomic_fetch_add_explicit(&worker->uploads.now.samples_lost, samples, memory_order_relaxed);
        pando_log(PANDO_LOG_ERROR, "a profile of %llu samples is lost: %s.", (unsigned long long)samples,
                  pando_error_text(error));
    }
}

/* Takes what is in the ring, sealing early as often as the tree is full. */
static void collect(struct pando_worker *worker)
{
    uint32_t taken = 0;
    uint64_t total = 0;
    /* A turn ends when the ring is empty, or has been emptied once over: writers may be quicker than we are. */
    uint32_t limit = pando_ring_capacity_words(worker->host->ring) / 4;
    do {
        int error = pando_aggregator_turn(worker->aggregator, RECORDS_A_TURN, &taken);
        total += taken;
        if (error == PANDO_ERR_LIMIT) {
            pando_count(worker->host->counters, PANDO_COUNT_INTERVALS_SEALED_EARLY);
            uint64_t before = pando_aggregator_samples(worker->aggregator);
            seal(worker);
            if (before != 0 && pando_aggregator_samples(worker->aggregator) == before)
                break; /* it could not be sealed: no memory; later */
        }
    } while (taken != 0 && total < limit);
    pando_interval_look(&worker->interval, total);
}

/* What the service has ordered meanwhile. */
static void obey(struct pando_worker *worker)
{
    struct pando_uploader_orders orders;
    struct pando_cycle *cycle = &worker->cycle;
    bool was_paused = cycle->is_paused;
    pando_uploader_orders(worker->uploader, &orders);
    if (!pando_cycle_weigh(cycle, &orders))
        return;
    struct pando_door_orders *to_guest = worker->host->orders;
    atomic_store_explicit(&to_guest->sampling_interval_ms, cycle->sampling_interval_ms, memory_order_relaxed);
    atomic_store_explicit(&to_guest->is_paused, cycle->is_paused, memory_order_release);
    pando_aggregator_set_depth(worker->aggregator, cycle->depth_max);
    if (cycle->is_paused || was_paused)
        discard(worker); /* what came before the first answer, or after the pause began; the next interval begins with its end */
    worker->next_seal_mono_ns = worker->interval.start_mono_ns + interval_ns(worker);
}

uint64_t pando_worker_turn(struct pando_worker *worker)
{
    if (enter_thread(worker) != 0)
        return NO_MEMORY_WAIT_MS * 1000000ull;
    collect(worker);
    obey(worker);
    uint64_t now = pando_clock_mono_ns();
    if (now >= worker->next_seal_mono_ns) {
        if (worker->cycle.is_paused)
            discard(worker);
        else if (pando_aggregator_samples(worker->aggregator) != 0)
            seal(worker);
        worker->next_seal_mono_ns = now + interval_ns(worker);
        pando_uploader_ask(worker->uploader);
    }
    bool waits = worker->cycle.is_paused || pando_aggregator_samples(worker->aggregator) != 0;
    return waits ? worker->next_seal_mono_ns - now : UINT64_MAX;
}

static bool is_too_short(const struct pando_worker *worker)
{
    return pando_clock_mono_ns() - worker->interval.start_mono_ns < worker->cycle.minimum_ms * 1000000ull;
}

int pando_worker_flush(struct pando_worker *worker, uint64_t deadline_mono_ns)
{
    if (enter_thread(worker) != 0)
        return PANDO_ERR_NO_MEMORY;
    collect(worker);
    if (worker->cycle.is_paused || is_too_short(worker))
        discard(worker);
    else if (pando_aggregator_samples(worker->aggregator) != 0)
        seal(worker);
    return pando_uploader_flush(worker->uploader, deadline_mono_ns);
}

void pando_worker_close(struct pando_worker *worker)
{
    pando_uploader_close(worker->uploader);
    pando_aggregator_free(worker->aggregator);
    free(worker);
}

void pando_worker_rest(struct pando_worker *worker)
{
    pando_aggregator_rest(worker->aggregator);
    pando_uploader_rest(worker->uploader);
}

void pando_worker_go_on(struct pando_worker *worker)
{
    pando_interval_restart(&worker->interval);
    worker->next_seal_mono_ns = worker->interval.start_mono_ns + interval_ns(worker);
}

void pando_worker_describe(const struct pando_worker *worker, pando_door_say *say, struct pando_log_problem *problem)
{
    const struct pando_uploader_counters *counters = &worker->uploads.now;
    say("lastDeliveryMs", "%llu", atomic_load_explicit(&counters->last_delivered_wall_ms, memory_order_relaxed));
    say("deliveries", "%llu", atomic_load_explicit(&counters->posts_delivered, memory_order_relaxed));
    say("overheadCpuMs", "%llu", (unsigned long long)(own_cpu_ns(worker) / 1000000));
    say("intervalNowS", "%u", worker->cycle.interval_s);
    pando_log_last_problem(problem);
}

void pando_worker_visit_counters(const struct pando_worker *worker,
                                 void (*visit)(void *context, const char *name, uint64_t value), void *context)
{
    if (worker != NULL)
        pando_upload_counters_visit(&worker->uploads, visit, context);
}
