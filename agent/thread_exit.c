/* Why: agent/thread_exit.h. Context: the host's threads. */
#include "agent/thread_exit.h"

#include <pthread.h>
#include <stdbool.h>

#include "agent/lifecycle.h"
#include "base/error.h"

static pthread_key_t key;
static bool has_key;

int pando_thread_exit_setup(void)
{
    if (!has_key)
        has_key = pthread_key_create(&key, pando_lifecycle_thread_ends) == 0;
    return has_key ? 0 : PANDO_ERR_IO;
}

void pando_thread_exit_watch(struct pando_thread_slot *slot)
{
    pthread_setspecific(key, slot);
}

struct pando_thread_slot *pando_thread_exit_watched(void)
{
    return has_key ? pthread_getspecific(key) : NULL;
}
