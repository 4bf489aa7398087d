/* Why: receiver/store_keeper.h. Context: own process; the thread is nicer than those that answer. */
#include "receiver/store_keeper.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "receiver/steady_time.h"

enum { EVERY_S = 15, NICENESS = 10, MESSAGE_BYTES = 512 };

struct pando_store_keeper {
    struct pando_store *store;
    struct pando_store_policy policy;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_stopping;
    struct pando_steady_time time;
    char complaint[MESSAGE_BYTES]; /* what was said last */
};

/* Said once, and again when it is another: nobody waits for an answer of this thread. */
static void complain(struct pando_store_keeper *keeper, int error, const char *message)
{
    if (error == 0) {
        keeper->complaint[0] = '\0';
    } else if (strcmp(keeper->complaint, message) != 0) {
        snprintf(keeper->complaint, sizeof keeper->complaint, "%s", message);
        fprintf(stderr, "pando: %s It is tried again.\n", message);
    }
}

/* False: it is time to stop. */
static bool wait_for_turn(struct pando_store_keeper *keeper)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += EVERY_S;
    pthread_mutex_lock(&keeper->lock);
    while (!keeper->is_stopping && pthread_cond_timedwait(&keeper->changed, &keeper->lock, &until) != ETIMEDOUT)
        continue;
    bool goes_on = !keeper->is_stopping;
    pthread_mutex_unlock(&keeper->lock);
    return goes_on;
}

static uint64_t steady_now_ms(struct pando_store_keeper *keeper)
{
    struct timespec boot;
    clock_gettime(CLOCK_BOOTTIME, &boot);
    return pando_steady_time_ms(&keeper->time, pando_clock_wall_ns() / 1000000,
                                (uint64_t)boot.tv_sec * 1000 + (uint64_t)boot.tv_nsec / 1000000);
}

static void *keep(void *context)
{
    struct pando_store_keeper *keeper = context;
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICENESS); /* on Linux a thread has its own */
    do {
        char message[MESSAGE_BYTES] = "";
        uint64_t now_ms = pando_clock_wall_ns() / 1000000;
        char second[MESSAGE_BYTES] = "";
        int error = pando_store_roll_up(keeper->store, now_ms, message, sizeof message);
        /* Also when that failed: it may be for want of room. */
        int second_error = pando_store_retain(keeper->store, &keeper->policy, steady_now_ms(keeper), second, sizeof second);
        complain(keeper, error != 0 ? error : second_error, error != 0 ? message : second);
    } while (wait_for_turn(keeper));
    return NULL;
}

struct pando_store_keeper *pando_store_keeper_start(struct pando_store *store, const struct pando_store_policy *policy)
{
    struct pando_store_keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL)
        return NULL;
    keeper->store = store;
    keeper->policy = *policy;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&keeper->lock, NULL);
    pthread_cond_init(&keeper->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&keeper->thread, NULL, keep, keeper) == 0)
        return keeper;
    pthread_cond_destroy(&keeper->changed);
    pthread_mutex_destroy(&keeper->lock);
    free(keeper);
    return NULL;
}

void pando_store_keeper_stop(struct pando_store_keeper *keeper)
{
    if (keeper == NULL)
        return;
    pthread_mutex_lock(&keeper->lock);
    keeper->is_stopping = true;
    pthread_cond_signal(&keeper->changed);
    pthread_mutex_unlock(&keeper->lock);
    pthread_join(keeper->thread, NULL);
    pthread_cond_destroy(&keeper->changed);
    pthread_mutex_destroy(&keeper->lock);
    free(keeper);
}
