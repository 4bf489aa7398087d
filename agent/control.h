/* Why: the word that the agent's thread sleeps on, and next to it, once that thread has a descriptor table of its own, the page through
 * which `pando ctl` gives it orders (base/control_page.h). Nothing is opened in the host's table, no thread and no wake-up is added:
 * the command wakes the sleep that is there anyway. docs/control.md.
 * Context: each function says. */
#ifndef PANDO_AGENT_CONTROL_H
#define PANDO_AGENT_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/control_page.h"

/* Ends the sleep. Any context, also the handler. */
void pando_control_wake(void);
/* The agent's thread: what it has seen before it looked for work, and the sleep that ends at once if there was a wake-up since. */
unsigned pando_control_seen(void);
void pando_control_sleep(unsigned seen, uint64_t ns);

/* The agent's thread, when it has left the host's descriptor table: makes the page. Without one (a refusal is logged) there are no
 * orders. `close` before the thread ends. */
void pando_control_open(void);
void pando_control_close(void);
/* In the child of a fork, which shares the parent's page until it opens its own. */
void pando_control_after_fork(void);

struct pando_control_order {
    enum pando_control_verb verb;
    uint32_t number, timeout_ms;
};

/* The agent's thread. True: there is an order that has no answer yet. */
bool pando_control_is_asked(void);
bool pando_control_take(struct pando_control_order *order);
/* Adds a line to the text of the answer; what finds no room is left out. */
void pando_control_say(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
void pando_control_answer(int error, const char *sentence);
/* How often the command that has a lease has shown that it is alive. */
unsigned pando_control_beat(void);

#endif
