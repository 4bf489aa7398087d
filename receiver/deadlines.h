/* Why: a client that sends a byte now and then is never idle, but holds a connection for ever. Here every connection has a
 * deadline for what it is at, and one thread ends those that miss it. (libmicrohttpd's own timeout is for silence only.)
 * Context: own process; any thread. */
#ifndef PANDO_RECEIVER_DEADLINES_H
#define PANDO_RECEIVER_DEADLINES_H

enum pando_phase {
    PANDO_PHASE_HEADERS, /* a new connection, until its first request's headers are complete */
    PANDO_PHASE_BODY,    /* until the body is complete */
    PANDO_PHASE_WORK,    /* ours: no deadline */
    PANDO_PHASE_ANSWER,  /* until the client has taken the answer */
    PANDO_PHASE_IDLE,    /* until the next request's headers are complete */
};

struct pando_deadlines;
struct pando_deadline;

/* Starts the thread. NULL when there is no memory or no thread. */
struct pando_deadlines *pando_deadlines_start(void);
/* After the last connection is gone. */
void pando_deadlines_stop(struct pando_deadlines *deadlines);

/* A new connection, in PANDO_PHASE_HEADERS. NULL when there is no memory: then it has no deadline. */
struct pando_deadline *pando_deadline_add(struct pando_deadlines *deadlines, int fd);
/* Before the descriptor is closed. NULL is fine. */
void pando_deadline_remove(struct pando_deadlines *deadlines, struct pando_deadline *deadline);
/* The connection begins another phase. NULL is fine. */
void pando_deadline_phase(struct pando_deadlines *deadlines, struct pando_deadline *deadline, enum pando_phase phase);

#endif
