/* Pando: a sampling profiler inside your program. Link with libpando, or preload it and use the environment alone.
 *
 * All functions may be called from any thread, but not from a signal handler. None ever ends the program, writes to its output
 * or throws; what goes wrong comes back as a negative number, with a sentence in pando_problem.
 * A program that links libpando and sets PANDO_URL is profiled from its start without calling anything. */
#ifndef PANDO_H
#define PANDO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PANDO_API __attribute__((visibility("default")))

enum {
    PANDO_ERROR_NO_MEMORY = -1,
    PANDO_ERROR_INVALID = -3,     /* an option or variable has a value that it cannot have */
    PANDO_ERROR_IO = -6,          /* the system refused; pando_problem has the reason */
    PANDO_ERROR_NETWORK = -7,     /* nobody took the profile */
    PANDO_ERROR_TIMEOUT = -8,
    PANDO_ERROR_UNSUPPORTED = -9,
    PANDO_ERROR_STATE = -11,      /* start when started, stop or flush when not; nothing changed */
};

/* Zero the struct, set struct_bytes = sizeof, then what you want; the rest comes from the environment, then the defaults. */
struct pando_options {
    size_t struct_bytes;
    const char *url;              /* of the receiver; NULL: PANDO_URL */
    const char *group;            /* 1 to 255 of A-Z a-z 0-9 _ -; NULL: PANDO_GROUP, then the program's name */
    uint32_t rate_hz;             /* samples a second of CPU time, 1 to 4000; 0: PANDO_RATE_HZ, then 100 */
    uint32_t interval_s;          /* how often a profile is sent, 1 to 3600; 0: PANDO_INTERVAL_S, then 60 */
};

/* Starts sampling every thread of the process. `options` may be NULL; its strings are copied. 0 or a negative error, then the
 * program is as it was before. */
PANDO_API int pando_start(const struct pando_options *options);

/* Stops sampling, sends what was gathered (waits two seconds at most), ends Pando's threads. May be started again. */
PANDO_API int pando_stop(void);

/* Ends the current interval now and waits, at most `timeout_ms`, until it is delivered. 0 also when there was nothing. */
PANDO_API int pando_flush(uint32_t timeout_ms);

/* One sentence on the last failure of a function above in this process; "" when there was none. Valid until the next call. */
PANDO_API const char *pando_problem(void);

/* How often something happened since the process started: samples kept, dropped by reason, and so on. Calls `visit` for each
 * counter, with a static name ("samplesKept"). Any thread; numbers are those of a moment. */
PANDO_API void pando_counters_visit(void (*visit)(void *context, const char *name, uint64_t value), void *context);

/* The version, "0.1.0". */
PANDO_API const char *pando_version(void);

#ifdef __cplusplus
}
#endif

#endif
