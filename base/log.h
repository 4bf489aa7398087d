/* Why: what Pando has to say, said only where the user asked to hear it, and never too often.
 * Context: any thread except the signal handler; allocates nothing, formats into a fixed stack buffer, holds no
 * descriptor between lines (the file is opened, appended to and closed for each line), touches no stdio.
 * A process says nothing at all until pando_log_open named a file (PANDO_LOG) or descriptor. */
#ifndef PANDO_BASE_LOG_H
#define PANDO_BASE_LOG_H

enum pando_log_level { PANDO_LOG_ERROR = 0, PANDO_LOG_WARN = 1, PANDO_LOG_INFO = 2, PANDO_LOG_DEBUG = 3 };

enum { PANDO_LOG_LINES_MAX = 1000 }; /* after so many lines a process is silent, and says so in the last */

/* Sets where lines go: `path` is a file to append to ("" or NULL: nowhere; "stderr": descriptor 2), and the
 * noisiest level that is written. Copies `path`. Setup only. Returns 0 or PANDO_ERR_INVALID (path too long). */
int pando_log_open(const char *path, enum pando_log_level level);

/* Writes one line: time, pid, level, text (control bytes are escaped, cut at 1 KiB). errno is preserved. */
void pando_log(enum pando_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The last line of level error or warning in this library, written or not. */
struct pando_log_problem {
    unsigned long long wall_ms; /* since 1970; 0: there was none */
    char text[256];
};
void pando_log_last_problem(struct pando_log_problem *problem);

#endif
