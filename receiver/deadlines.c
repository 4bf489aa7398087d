/* Why: receiver/deadlines.h. Context: own process. The thread looks four times a second while there are connections. */
#include "receiver/deadlines.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"

enum { LOOK_EVERY_MS = 250, CROWD = 200, CROWDED_BODY_MS = 5000 };

static const uint32_t limits_ms[] = {
    [PANDO_PHASE_HEADERS] = 10000,
    [PANDO_PHASE_BODY] = 60000,
    [PANDO_PHASE_WORK] = UINT32_MAX,
    [PANDO_PHASE_ANSWER] = 60000,
    [PANDO_PHASE_IDLE] = 30000,
};
struct pando_deadline {
    struct pando_deadline *next, *previous;
    uint64_t since_mono_ns;
    enum pando_phase phase;
    int fd;
    bool is_cut;
};

struct pando_deadlines {
    pthread_mutex_t lock; /* for all below */
    pthread_cond_t wake;
    pthread_t thread;
    struct pando_deadline *first, *last; /* the newest first */
    unsigned count;      /* of those that are not cut */
    bool stop;
};

/* The descriptor is open: whoever closes it removes it first, under the lock. */
static void cut(struct pando_deadlines *deadlines, struct pando_deadline *deadline)
{
    deadline->is_cut = true;
    deadlines->count--;
    shutdown(deadline->fd, SHUT_RDWR);
}

static bool makes_room(const struct pando_deadline *deadline, uint64_t now_mono_ns)
{
    switch (deadline->phase) {
    case PANDO_PHASE_HEADERS:
    case PANDO_PHASE_IDLE:
        return true;
    case PANDO_PHASE_BODY:
        return now_mono_ns - deadline->since_mono_ns > CROWDED_BODY_MS * 1000000ull;
    default:
        return false;
    }
}

/* In a crowd the oldest that has not asked for anything (again) goes, or that is long about it. So connections that say nothing
 * never keep out one that does, however many they are. */
static void make_room(struct pando_deadlines *deadlines)
{
    uint64_t now_mono_ns = pando_clock_mono_ns();
    for (struct pando_deadline *at = deadlines->last; at != NULL && deadlines->count > CROWD; at = at->previous)
        if (!at->is_cut && makes_room(at, now_mono_ns))
            cut(deadlines, at);
}

static void cut_late_ones(struct pando_deadlines *deadlines)
{
    uint64_t now_mono_ns = pando_clock_mono_ns();
    for (struct pando_deadline *at = deadlines->first; at != NULL; at = at->next) {
        uint32_t limit_ms = limits_ms[at->phase];
        if (!at->is_cut && limit_ms != UINT32_MAX && now_mono_ns - at->since_mono_ns >= limit_ms * 1000000ull)
            cut(deadlines, at);
    }
}

static void *watch(void *context)
{
    struct pando_deadlines *deadlines = context;
    pthread_mutex_lock(&deadlines->lock);
    while (!deadlines->stop) {
        if (deadlines->first == NULL) {
            pthread_cond_wait(&deadlines->wake, &deadlines->lock);
            continue;
        }
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += LOOK_EVERY_MS * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&deadlines->wake, &deadlines->lock, &until);
        cut_late_ones(deadlines);
    }
    pthread_mutex_unlock(&deadlines->lock);
    return NULL;
}

struct pando_deadlines *pando_deadlines_start(void)
{
    struct pando_deadlines *deadlines = calloc(1, sizeof *deadlines);
    if (deadlines == NULL)
        return NULL;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&deadlines->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&deadlines->lock, NULL);
    if (pthread_create(&deadlines->thread, NULL, watch, deadlines) != 0) {
        free(deadlines);
        return NULL;
    }
    return deadlines;
}

void pando_deadlines_stop(struct pando_deadlines *deadlines)
{
    if (deadlines == NULL)
        return;
    pthread_mutex_lock(&deadlines->lock);
    deadlines->stop = true;
    pthread_cond_signal(&deadlines->wake);
    pthread_mutex_unlock(&deadlines->lock);
    pthread_join(deadlines->thread, NULL);
    while (deadlines->first != NULL)
        pando_deadline_remove(deadlines, deadlines->first);
    pthread_cond_destroy(&deadlines->wake);
    pthread_mutex_destroy(&deadlines->lock);
    free(deadlines);
}

struct pando_deadline *pando_deadline_add(struct pando_deadlines *deadlines, int fd)
{
    struct pando_deadline *deadline = calloc(1, sizeof *deadline);
    if (deadline == NULL)
        return NULL;
    deadline->fd = fd;
    deadline->phase = PANDO_PHASE_HEADERS;
    deadline->since_mono_ns = pando_clock_mono_ns();
    pthread_mutex_lock(&deadlines->lock);
    deadline->next = deadlines->first;
    if (deadlines->first != NULL)
        deadlines->first->previous = deadline;
    else
        deadlines->last = deadline;
    if (deadlines->first == NULL)
        pthread_cond_signal(&deadlines->wake);
    deadlines->first = deadline;
    deadlines->count++;
    make_room(deadlines);
    pthread_mutex_unlock(&deadlines->lock);
    return deadline;
}

void pando_deadline_remove(struct pando_deadlines *deadlines, struct pando_deadline *deadline)
{
    if (deadline == NULL)
        return;
    pthread_mutex_lock(&deadlines->lock);
    if (deadline->previous != NULL)
        deadline->previous->next = deadline->next;
    else
        deadlines->first = deadline->next;
    if (deadline->next != NULL)
        deadline->next->previous = deadline->previous;
    else
        deadlines->last = deadline->previous;
    deadlines->count -= !deadline->is_cut;
    pthread_mutex_unlock(&deadlines->lock);
    free(deadline);
}

void pando_deadline_phase(struct pando_deadlines *deadlines, struct pando_deadline *deadline, enum pando_phase phase)
{
    if (deadline == NULL)
        return;
    pthread_mutex_lock(&deadlines->lock);
    deadline->phase = phase;
    deadline->since_mono_ns = pando_clock_mono_ns();
    pthread_mutex_unlock(&deadlines->lock);
}
