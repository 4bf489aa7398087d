/* Why: threads that Pando's own threads make (the uploader's, libcurl's look-ups) are Pando's too: never sampled, and not counted
 * as the host's.
 * Context: any thread, not the handler. */
#ifndef PANDO_AGENT_OWN_THREADS_H
#define PANDO_AGENT_OWN_THREADS_H

#include <pthread.h>
#include <stdbool.h>

struct pando_thread_slot;

/* Marks the calling thread as Pando's until it ends. */
void pando_own_thread_enter(void);
void pando_own_thread_leave(void);
bool pando_own_thread_is_self(void);
/* The calling thread's slot; NULL: it is not one of Pando's, or there was no slot for it. */
struct pando_thread_slot *pando_own_thread_slot(void);

/* pthread_create from one of Pando's threads: the new one is Pando's, too. */
int pando_own_thread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);
/* The pthread_create that stands in front of libc's (agent/hooks.c), also where the process does not see it. */
int pando_hook_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);

#endif
