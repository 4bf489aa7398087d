/* Why: the command's end of the page in which an agent takes orders (base/control_page.h, docs/control.md).
 * Context: own process; blocks. What is in the page was written by another process: it is read with bounds, and copied first. */
#ifndef PANDO_CLI_CONTROL_CLIENT_H
#define PANDO_CLI_CONTROL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/control_page.h"

struct pando_control_client {
    pid_t pid;
    int fd;                               /* of the page */
    struct pando_control_page *page;
};

struct pando_control_answer {
    char sentence[PANDO_CONTROL_SENTENCE_BYTES];
    char text[PANDO_CONTROL_BYTES];       /* lines "name value" */
};

/* Finds the agent in process `pid`; waits up to `wait_ms` for one that is there but takes no orders yet. 0; PANDO_ERR_NOT_FOUND: Pando
 * does not run there; PANDO_ERR_REFUSED: no right; PANDO_ERR_UNSUPPORTED: it takes no orders. All failures with one sentence. */
int pando_control_connect(pid_t pid, uint32_t wait_ms, struct pando_control_client *client, char *message, size_t message_bytes);
void pando_control_disconnect(struct pando_control_client *client);
/* Whether process `pid` has a thread of Pando's; no right is needed for that. */
bool pando_control_is_there(pid_t pid);

/* One order, and its answer: 0 or the agent's error; PANDO_ERR_TIMEOUT: none came within `timeout_ms` and some seconds more;
 * PANDO_ERR_NOT_FOUND: the process, or Pando in it, has ended meanwhile; PANDO_ERR_BUSY: other commands had it all the time. */
int pando_control_order_send(struct pando_control_client *client, enum pando_control_verb verb, uint32_t number, uint32_t timeout_ms,
                             struct pando_control_answer *answer);
/* "I am alive", for who has a lease. */
void pando_control_send_beat(struct pando_control_client *client);
/* Copies the value of a line of an answer; "" when there is none. */
void pando_control_value(const struct pando_control_answer *answer, const char *name, char *value, size_t value_bytes);

#endif
