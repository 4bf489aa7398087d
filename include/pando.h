/* Pando: a sampling profiler inside your program. Link with libpando, or preload it and use the environment alone.
 *
 * All functions may be called from any thread, but, labels apart, not from a signal handler. None ever ends the program, writes to its output
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
    PANDO_ERROR_LIMIT = -2,       /* as many labels as there may be */
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

/* Labels: what the calling thread works on, by which its profile can be divided (page, report --label). They cost next to nothing
 * while they do not change, and may be set whether Pando runs or not. A thread begins without labels; those that all threads have
 * are in PANDO_LABELS. The functions below may also be called from a signal handler, one that puts back what it has changed; they
 * leave pando_problem as it is.
 *
 * A key is 1 to 32 of A-Z a-z 0-9 _ . - /, a value at most 64 bytes of UTF-8 (more is cut); 8 labels a thread. A process may use
 * 1024 different sets of labels in its life: after that, samples say that their labels were left out (counter labelSetsLeftOut).
 * So a label is a kind of work, a customer class, a version; an id that is new each time is for pando_trace_set. */

/* Sets a label, or gives it another value. PANDO_ERROR_INVALID: the key is no key, or value is NULL; PANDO_ERROR_LIMIT. */
PANDO_API int pando_label_set(const char *key, const char *value);
/* Takes a label away; NULL: all. 0 also when there was none. PANDO_ERROR_INVALID, PANDO_ERROR_LIMIT. */
PANDO_API int pando_label_clear(const char *key);
/* The calling thread's labels as a number, valid as long as the process, and in any of its threads; and takes all of them on again.
 * The quick way to switch: between tasks, or back at the end of a scope. PANDO_ERROR_INVALID: no such number was given out. */
PANDO_API uint32_t pando_labels_save(void);
PANDO_API int pando_labels_restore(uint32_t saved);

/* The calling thread works for this span of this trace (as in W3C's trace context), until it is set anew or cleared. Of each
 * interval 16 spans at most are told apart (docs/labels.md). PANDO_ERROR_INVALID: NULL, or a trace id of zeroes. */
PANDO_API int pando_trace_set(const uint8_t trace_id[16], const uint8_t span_id[8]);
PANDO_API void pando_trace_clear(void);

/* How often something happened since the process started: samples kept, dropped by reason, and so on. Calls `visit` for each
 * counter, with a static name ("samplesKept"). Any thread; numbers are those of a moment. */
PANDO_API void pando_counters_visit(void (*visit)(void *context, const char *name, uint64_t value), void *context);

/* The version, "0.1.0". */
PANDO_API const char *pando_version(void);

#ifdef __cplusplus
}
#endif

#endif
