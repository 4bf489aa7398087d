/* Why: the one page of memory that an agent and the `pando ctl` of the same machine share: orders go in, answers come out. Both ends
 * must agree on its form, so it stands here.
 * Context: the agent's thread maps it from a memfd in its own descriptor table (agent/control.c), the command finds that in
 * /proc/PID/task/TID/fd (cli/control_client.c). Whoever may do that may trace the process; all the same the agent takes each value
 * for what anybody could have written: numbers are checked, and there are no pointers. docs/control.md. */
#ifndef PANDO_BASE_CONTROL_PAGE_H
#define PANDO_BASE_CONTROL_PAGE_H

#include <stdatomic.h>
#include <stdint.h>

#define PANDO_CONTROL_NAME "pando-control" /* of the memfd */

enum {
    PANDO_CONTROL_MAGIC = 0x6f646e70,      /* "pndo" */
    PANDO_CONTROL_VERSION = 1,
    PANDO_CONTROL_SENTENCE_BYTES = 512,
    PANDO_CONTROL_BYTES = 16384,           /* of the whole */
    PANDO_CONTROL_LEASE_MAX_S = 3600,
};

enum pando_control_verb {
    PANDO_CONTROL_STATUS = 1,
    PANDO_CONTROL_PAUSE = 2,
    PANDO_CONTROL_RESUME = 3,
    PANDO_CONTROL_RATE = 4,                /* number: samples a second */
    PANDO_CONTROL_FLUSH = 5,
    PANDO_CONTROL_STOP = 6,
    PANDO_CONTROL_LEASE = 7,               /* number: seconds without a beat after which the agent stops; 0: never */
    PANDO_CONTROL_WALL_RATE = 8,           /* number: looks a second at each thread */
};

struct pando_control_page {
    uint32_t magic, version;
    atomic_uint wake;                      /* the futex that the agent's thread sleeps on; not private */
    atomic_uint asked;                     /* raised by the command when the order below is complete */
    atomic_uint answered;                  /* set to `asked` by the agent when the answer is; a futex, too */
    atomic_uint beat;                      /* raised now and then by a command that has a lease */
    uint32_t verb, number, timeout_ms;     /* the order; timeout_ms: how long a delivery may take */
    int32_t error;                         /* the answer: 0 or of base/error.h */
    char sentence[PANDO_CONTROL_SENTENCE_BYTES]; /* on an error what is wrong */
    uint32_t text_bytes;
    char text[PANDO_CONTROL_BYTES - PANDO_CONTROL_SENTENCE_BYTES - 44]; /* of a status: lines "name value" */
};
_Static_assert(sizeof(struct pando_control_page) == PANDO_CONTROL_BYTES, "the same in every build");

#endif
