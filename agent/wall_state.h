/* Why: what a thread that does not run is doing, told by the kernel: in which system call it waits, with what stack pointer. Asking
 * does not touch the thread. Context: the wall clock's thread. Raw system calls; no descriptor is kept. */
#ifndef PANDO_AGENT_WALL_STATE_H
#define PANDO_AGENT_WALL_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "exchange/sample.h"

/* A moment's answer. */
struct pando_wall_state {
    enum pando_sample_state state;
    bool has_place;              /* the two below are known */
    uint64_t rsp, rip;
};

/* False: the kernel does not tell (/proc is not there, or not ours to read): then nothing is known but the CPU clock. */
bool pando_wall_state_read(int tid, struct pando_wall_state *ret_state);

#endif
