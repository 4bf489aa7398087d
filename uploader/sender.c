/* Why: the uploader's thread: takes the oldest payload, tries, settles, waits; says once when things change.
 * Context: its own thread, all signals blocked. The lock is never held over anything that can block. */
#include "uploader/sender.h"

#include <errno.h>
#include <sys/random.h>

#include "base/descriptors.h"
#include "base/clock.h"
#include "uploader/fleet.h"
#include "uploader/group.h"

static void add(atomic_ullong *counter, unsigned long long value)
{
    atomic_fetch_add_explicit(counter, value, memory_order_relaxed);
}

static uint64_t random_bits(void)
{
    uint64_t bits;
    if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) != (ssize_t)sizeof bits)
        bits = pando_clock_mono_ns() * 0x9e3779b97f4a7c15u;
    return bits;
}

/* Says what changed, not what goes on. Under the lock. */
static void note_change(struct pando_uploader *uploader, const struct pando_payload *payload,
                        const struct pando_try_outcome *outcome, enum pando_retry_action action, const char *reason)
{
    struct pando_notes *notes = &uploader->notes;
    if (action == PANDO_RETRY_DELIVERED) {
        if (uploader->in_outage || uploader->last_rejection != 0)
            pando_notes_add(notes, PANDO_LOG_WARN, "profiles are delivered again");
        uploader->in_outage = false;
        uploader->last_rejection = 0;
    } else if (action == PANDO_RETRY_REJECTED) {
        if (uploader->last_rejection != outcome->status)
            pando_notes_add(notes, PANDO_LOG_ERROR, "the receiver refused profile %s, which is dropped: %s "
                            "(the same status for later ones is not logged)", payload->token, reason);
        uploader->last_rejection = outcome->status;
        uploader->in_outage = false;
    } else if (outcome->failure != PANDO_TRY_ABORTED && !uploader->in_outage) {
        pando_notes_add(notes, PANDO_LOG_WARN, "profiles cannot be delivered, will keep trying: %s", reason);
        uploader->in_outage = true;
    }
}

/* The head is done with, for better or worse: counts and frees it. */
static void finish_head(struct pando_uploader *uploader, enum pando_retry_action action)
{
    struct pando_uploader_counters *counters = uploader->counters;
    struct pando_payload *payload = pando_queue_pop(&uploader->queue);
    if (action == PANDO_RETRY_DELIVERED) {
        add(&counters->posts_delivered, 1);
        add(&counters->samples_delivered, payload->samples);
        atomic_store_explicit(&counters->last_delivered_wall_ms, pando_clock_wall_ns() / 1000000, memory_order_relaxed);
        uploader->overflow_was_said = false;
        if (uploader->has_kept)
            uploader->has_kept = uploader->spool_is_empty = false; /* the way is open again */
    } else if (payload->file_name[0] != '\0') {
        add(&counters->posts_kept, 1);
        uploader->has_kept = uploader->spool_is_empty = true;
    } else {
        add(action == PANDO_RETRY_REJECTED ? &counters->posts_rejected : &counters->posts_gave_up, 1);
        add(&counters->samples_lost, payload->samples);
    }
    pando_payload_free(payload);
}

/* What the outcome means for the head of the queue. Under the lock. */
static void settle(struct pando_uploader *uploader, const struct pando_try_outcome *outcome,
                   const struct pando_retry_decision *decision)
{
    struct pando_queue *queue = &uploader->queue;
    struct pando_payload *head = queue->head;
    queue->head_busy = false;
    if (outcome->failure == PANDO_TRY_ABORTED)
        return; /* close counts it with all that is left */
    if (decision->action != PANDO_RETRY_AGAIN) {
        finish_head(uploader, decision->action);
    } else {
        head->not_before_mono_ns = pando_clock_mono_ns() + decision->wait_ms * 1000000;
        /* In a flush the others get their try before this one gets its next. */
        if (uploader->flushes_waiting != 0 && queue->count > 1)
            pando_queue_rotate(queue);
    }
    if (outcome->failure == PANDO_TRY_UNREACHABLE || outcome->failure == PANDO_TRY_UNTRUSTED ||
        outcome->failure == PANDO_TRY_NO_CREDENTIALS)
        uploader->flush_is_hopeless = true;
}

static void try_head(struct pando_uploader *uploader, struct pando_http *http)
{
    struct pando_payload *payload = uploader->queue.head;
    uint32_t flush_number = uploader->flush_number;
    uploader->queue.head_busy = true;
    payload->flush_number = flush_number;
    payload->tries++;
    if (payload->tries > 1)
        add(&uploader->counters->retries, 1);
    pthread_mutex_unlock(&uploader->lock);

    char reason[512];
    struct pando_try_outcome outcome = pando_post(&uploader->destination, http, payload, &uploader->closing, reason, sizeof reason);
    struct pando_retry_decision decision = pando_retry_decide(&uploader->policy, &outcome, payload->tries, random_bits());

    /* The group is made once for each profile at most, which then has its next try. */
    char unused[160];
    if (outcome.status == 404 && payload->tries == 1 && pando_group_is_made(&uploader->destination) &&
        pando_group_make(&uploader->destination, http, &uploader->closing, unused, sizeof unused))
        decision = (struct pando_retry_decision){.action = PANDO_RETRY_AGAIN};
    if (decision.action == PANDO_RETRY_DELIVERED || decision.action == PANDO_RETRY_REJECTED)
        pando_spool_remove(&uploader->spool, payload);

    pthread_mutex_lock(&uploader->lock);
    if (uploader->abandoned)
        return;
    note_change(uploader, payload, &outcome, decision.action, reason);
    bool was_hopeless = uploader->flush_is_hopeless;
    settle(uploader, &outcome, &decision);
    if (flush_number != uploader->flush_number)
        uploader->flush_is_hopeless = was_hopeless; /* the try began before the flush: it proves nothing for it */
    atomic_store_explicit(&uploader->counters->thread_cpu_ns, pando_clock_thread_cpu_ns(), memory_order_relaxed);
    pthread_cond_broadcast(&uploader->progress);
}

/* Under the lock, but not over the exchange. */
static void ask(struct pando_uploader *uploader, struct pando_http *http)
{
    struct pando_uploader_orders orders = uploader->orders;
    bool has_changed = false, was_paused = orders.is_paused;
    struct pando_uploader_fleet fleet = uploader->fleet;
    char reason[512] = "";
    uploader->is_to_ask = false;
    pthread_mutex_unlock(&uploader->lock);
    if (!uploader->has_fleet && uploader->destination.signer != NULL)
        pando_fleet_find(uploader->environment, http, &uploader->closing, &fleet);
    uploader->has_fleet = true;
    pando_configure(&uploader->destination, http, fleet.id[0] != '\0' ? fleet.id : uploader->fleet_id, &uploader->closing, &orders, &uploader->configure_status,
                    &has_changed, reason, sizeof reason);
    bool is_new = uploader->configure_status == 404 && pando_group_is_made(&uploader->destination) &&
                  pando_group_make(&uploader->destination, http, &uploader->closing, reason, sizeof reason);
    if (is_new)
        orders.is_paused = false;
    pthread_mutex_lock(&uploader->lock);
    if (uploader->abandoned)
        return;
    uploader->orders = orders;
    uploader->fleet = fleet;
    has_changed |= was_paused != orders.is_paused;
    if (is_new && has_changed)
        pando_notes_add(&uploader->notes, PANDO_LOG_INFO, "the profiling group %s was not there, and has been made", uploader->group);
    else if (has_changed && uploader->configure_status != 200)
        pando_notes_add(&uploader->notes, PANDO_LOG_WARN, "the service was asked how to profile: %s%s", reason,
                        orders.is_paused ? "; nothing is profiled until it answers" : "; profiling goes on as before");
    else if (has_changed)
        pando_notes_add(&uploader->notes, PANDO_LOG_INFO, "the service was asked how to profile: %s", reason);
    pthread_cond_broadcast(&uploader->progress);
}

/* Nothing of our own is to be sent: what an earlier process left. True when it has looked: the lock was let go for it, and what the
 * caller knew of the queue may be wrong by now. */
static bool take_over(struct pando_uploader *uploader)
{
    if (uploader->spool.folder[0] == '\0' || uploader->spool_is_empty || uploader->flushes_waiting != 0)
        return false;
    pthread_mutex_unlock(&uploader->lock);
    struct pando_payload *payload = pando_spool_take(&uploader->spool);
    pthread_mutex_lock(&uploader->lock);
    if (payload == NULL) {
        uploader->spool_is_empty = true;
        return true;
    }
    /* It stays on disk, should it find no room. */
    struct pando_payload *dropped = pando_queue_push(&uploader->queue, payload);
    while (dropped != NULL) {
        struct pando_payload *next = dropped->next;
        add(dropped->file_name[0] != '\0' ? &uploader->counters->posts_kept : &uploader->counters->posts_queue_full, 1);
        if (dropped->file_name[0] == '\0')
            add(&uploader->counters->samples_lost, dropped->samples);
        pando_payload_free(dropped);
        dropped = next;
    }
    return true;
}

/* The time before which the head is not to be tried; 0 at once. */
static uint64_t head_due_mono_ns(const struct pando_uploader *uploader)
{
    const struct pando_payload *head = uploader->queue.head;
    if (uploader->flushes_waiting != 0 && head->flush_number != uploader->flush_number)
        return 0;
    return head->not_before_mono_ns;
}

static void wait_until(struct pando_uploader *uploader, uint64_t mono_ns)
{
    struct timespec until = {.tv_sec = (time_t)(mono_ns / 1000000000u), .tv_nsec = (long)(mono_ns % 1000000000u)};
    pthread_cond_timedwait(&uploader->work, &uploader->lock, &until);
}

void *pando_sender_run(void *context)
{
    struct pando_uploader *uploader = context;
    pthread_setname_np(pthread_self(), "pando-upload");
    pando_descriptors_leave_host();
    struct pando_http *http = pando_http_new(&uploader->settings);
    pthread_mutex_lock(&uploader->lock);
    bool rested = true;
    while (!atomic_load(&uploader->closing) && http != NULL) {
        uint64_t due_mono_ns = uploader->queue.head != NULL ? head_due_mono_ns(uploader) : UINT64_MAX;
        if (due_mono_ns <= pando_clock_mono_ns()) {
            try_head(uploader, http);
            rested = false;
        } else if (uploader->is_to_ask && uploader->flushes_waiting == 0) {
            ask(uploader, http);
            rested = false;
        } else if (uploader->queue.head == NULL && take_over(uploader)) {
            continue;
        } else if (!rested) {
            /* Nothing to send now: hold no descriptor of the host's while waiting. */
            pthread_mutex_unlock(&uploader->lock);
            pando_http_rest(http);
            rested = true;
            pthread_mutex_lock(&uploader->lock);
        } else if (uploader->queue.head != NULL) {
            wait_until(uploader, due_mono_ns);
        } else {
            pthread_cond_wait(&uploader->work, &uploader->lock);
        }
    }
    pthread_mutex_unlock(&uploader->lock);
    pando_http_free(http);
    pthread_mutex_lock(&uploader->lock);
    if (!uploader->abandoned)
        atomic_store_explicit(&uploader->counters->thread_cpu_ns, pando_clock_thread_cpu_ns(), memory_order_relaxed);
    uploader->thread_ended = true;
    pthread_cond_broadcast(&uploader->progress);
    pthread_mutex_unlock(&uploader->lock);
    return NULL;
}
