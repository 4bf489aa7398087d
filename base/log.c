/* Why: base/log.h. Context: any thread, not the signal handler. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

static char log_path[512];
static enum pando_log_level log_level = PANDO_LOG_ERROR;
static atomic_int lines_written;

int pando_log_open(const char *path, enum pando_log_level level)
{
    if (path == NULL)
        path = "";
    if (strlen(path) >= sizeof log_path)
        return PANDO_ERR_INVALID;
    strcpy(log_path, path);
    log_level = level;
    return 0;
}

struct utc {
    int year, month, day, hour, minute, second;
};

/* Own arithmetic: gmtime_r takes libc's time zone lock, and a host that forks while we hold it has a child that hangs at its
 * next localtime. (The civil calendar from days, by eras of 400 years that begin in March.) */
static struct utc utc_of(time_t seconds)
{
    int64_t days = seconds / 86400, left = seconds % 86400;
    if (left < 0) {
        left += 86400;
        days--;
    }
    days += 719468; /* since 0000-03-01 */
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* 0 is March */
    return (struct utc){.year = (int)(year + era * 400 + (month >= 10)), .month = (int)(month < 10 ? month + 3 : month - 9),
                        .day = (int)(day_of_year - (153 * month + 2) / 5 + 1), .hour = (int)(left / 3600),
                        .minute = (int)(left / 60 % 60), .second = (int)(left % 60)};
}

static void write_line(const char *line, size_t len)
{
    if (strcmp(log_path, "stderr") == 0) {
        (void)!write(STDERR_FILENO, line, len);
        return;
    }
    int fd = open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);
    if (fd < 0)
        return;
    (void)!write(fd, line, len);
    close(fd);
}

static struct pando_log_problem last_problem;
static atomic_flag problem_is_held = ATOMIC_FLAG_INIT; /* nobody waits: of two problems at once one is as good */

__attribute__((format(printf, 1, 0))) static void keep_problem(const char *format, va_list args)
{
    struct timespec now;
    if (atomic_flag_test_and_set_explicit(&problem_is_held, memory_order_acquire))
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    vsnprintf(last_problem.text, sizeof last_problem.text, format, args);
    last_problem.wall_ms = (unsigned long long)now.tv_sec * 1000 + (unsigned long long)now.tv_nsec / 1000000;
    atomic_flag_clear_explicit(&problem_is_held, memory_order_release);
}

void pando_log_last_problem(struct pando_log_problem *problem)
{
    *problem = (struct pando_log_problem){0};
    if (atomic_flag_test_and_set_explicit(&problem_is_held, memory_order_acquire))
        return;
    *problem = last_problem;
    atomic_flag_clear_explicit(&problem_is_held, memory_order_release);
}

void pando_log(enum pando_log_level level, const char *format, ...)
{
    if (level <= PANDO_LOG_WARN) {
        va_list kept;
        va_start(kept, format);
        keep_problem(format, kept);
        va_end(kept);
    }
    if (log_path[0] == '\0' || level > log_level)
        return;
    int number = atomic_fetch_add_explicit(&lines_written, 1, memory_order_relaxed);
    if (number >= PANDO_LOG_LINES_MAX)
        return;
    int saved_errno = errno;
    static const char *const names[] = {"error", "warning", "info", "debug"};
    char line[1280];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct utc utc = utc_of(now.tv_sec);
    int head = snprintf(line, 128, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ pando[%d] %s: ", utc.year, utc.month,
                        utc.day, utc.hour, utc.minute, utc.second, now.tv_nsec / 1000000, (int)getpid(), names[level]);
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line + head, 1024, format, args);
    va_end(args);
    size_t end = (size_t)head + (len < 0 ? 0 : len > 1023 ? 1023 : (size_t)len);
    for (size_t i = (size_t)head; i < end; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    if (number == PANDO_LOG_LINES_MAX - 1)
        end += (size_t)snprintf(line + end, 64, " (the last line: %d are written at most)", PANDO_LOG_LINES_MAX);
    line[end++] = '\n';
    write_line(line, end);
    errno = saved_errno;
}
