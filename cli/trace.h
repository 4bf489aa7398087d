/* Why: one thread of another process, stopped for a moment: what it was doing is kept, what it is made to do instead leads back there by
 * itself should this command be killed in the middle, and what it was doing goes on exactly as it would have. docs/attach.md.
 * Context: own process, the thread that has seized. */
#ifndef PANDO_CLI_TRACE_H
#define PANDO_CLI_TRACE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "cli/target.h"

enum { PANDO_TRACE_STATE_BYTES = 16384 };

enum pando_trace_result {
    PANDO_TRACE_OK,
    PANDO_TRACE_NOT_NOW,       /* another moment, or another thread */
    PANDO_TRACE_GONE,          /* the thread has ended */
    PANDO_TRACE_REFUSED,       /* by the kernel: errno */
};

struct pando_trace {
    struct pando_target *target;
    pid_t tid;
    struct user_regs_struct registers;    /* as it was stopped */
    uint64_t mask;                        /* of its signals */
    uint32_t state_bytes, state_used_bytes; /* of its vector registers: as read; of the part that goes into a signal's frame */
    uint64_t features;
    unsigned char state[PANDO_TRACE_STATE_BYTES];
    bool is_changed;                      /* its registers are not those any more */
};

/* Seizes and stops it. On OK it must be released. `why` gets a static clause for NOT_NOW. */
enum pando_trace_result pando_trace_stop(struct pando_trace *trace, struct pando_target *target, pid_t tid, const char **why);
/* Lets it go on as if nothing had been. */
void pando_trace_release(struct pando_trace *trace);

/* Where a frame of a signal would lie under `top`, with room for what it needs; and writes one there whose return leads to `back`, and from
 * there (rt_sigreturn) to what the thread was doing. 0: it cannot be written. */
uint64_t pando_trace_frame(const struct pando_trace *trace, uint64_t top, uint64_t back);
/* Makes the stopped thread do a system call whose instruction is at `code`, behind which comes a return, on the frame. False: it is gone.
 * *ret_result is what the kernel said. The thread is stopped after it. */
bool pando_trace_call(struct pando_trace *trace, uint64_t code, uint64_t frame, long number, const uint64_t arguments[6], long *ret_result);
/* Makes it call the function, on the frame, with `rbx` for whom it concerns; ends when the function has returned and the thread is about
 * to go back. False: it is gone, or did not return in time (it will go back by itself). */
bool pando_trace_function(struct pando_trace *trace, uint64_t function, uint64_t frame, const uint64_t arguments[4], uint64_t rbx);

#endif
