/* Why: carries out what `pando ctl` orders, and what ends profiling without an order: its time is over, or the command that began it
 * is gone (agent/control.h has the page, docs/control.md the reasons).
 * Context: the agent's thread. */
#ifndef PANDO_AGENT_REMOTE_H
#define PANDO_AGENT_REMOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "exchange/door.h"

/* What the agent's thread has of the worker. */
struct pando_remote_worker {
    const struct pando_door *door;
    struct pando_worker *worker;  /* NULL: not opened yet, or given up */
    bool gave_up;
    /* Ends the interval and delivers, as for pando_flush. */
    int (*deliver)(uint64_t deadline_mono_ns);
};

enum pando_remote_result {
    PANDO_REMOTE_NOTHING,
    PANDO_REMOTE_OBEYED,          /* something may have changed: the next look for threads is due at once */
    PANDO_REMOTE_STOP,            /* Pando is to stop; once it has: pando_remote_stopped */
};

/* Before the thread's first turn. */
void pando_remote_begin(void);
/* Takes an order, if there is one, and looks whether the end has come. */
enum pando_remote_result pando_remote_look(const struct pando_remote_worker *worker);
/* The answer to who ordered the stop, if somebody did; `error` is that of the last delivery. */
void pando_remote_stopped(int error);
/* `ns`, or less where the end comes earlier. */
uint64_t pando_remote_limit_sleep(uint64_t ns);

#endif
