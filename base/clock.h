/* Why: one place that says which clock is meant. Units are in the names.
 * Context: any thread; not for the signal handler (which needs no clock). */
#ifndef PANDO_BASE_CLOCK_H
#define PANDO_BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds of CLOCK_MONOTONIC: for intervals and deadlines. */
uint64_t pando_clock_mono_ns(void);
/* Nanoseconds since 1970 of CLOCK_REALTIME: for stamps only, it may jump. */
uint64_t pando_clock_wall_ns(void);
/* CPU nanoseconds, user and kernel, that the whole process has used. */
uint64_t pando_clock_process_cpu_ns(void);
/* CPU nanoseconds that the calling thread has used. */
uint64_t pando_clock_thread_cpu_ns(void);

#endif
