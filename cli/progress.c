/* Why: cli/progress.h. Context: as there. */
#include "cli/progress.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/terminal_text.h"

enum { FIRST_MS = 500, EACH_MS = 200, WHAT_BYTES = 512, COLUMNS_DEFAULT = 80 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what follows */
static pthread_cond_t changed;
static pthread_t thread;
static bool runs, ends, is_drawn;
static char what[WHAT_BYTES];
static uint64_t begin_mono_ns;
static atomic_bool is_forbidden;
static _Atomic uint64_t done_bytes, all_bytes;

void pando_progress_forbid(void)
{
    atomic_store(&is_forbidden, true);
}

static bool is_for_terminal(void)
{
    const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return !atomic_load(&is_forbidden) && isatty(STDERR_FILENO) && terminal != NULL && strcmp(terminal, "dumb") != 0 &&
           (no_colour == NULL || no_colour[0] == '\0');
}

static void draw(void)
{
    struct winsize size = {0};
    char line[WHAT_BYTES + 96], amount[64] = "";
    uint64_t done = atomic_load(&done_bytes), all = atomic_load(&all_bytes);
    bool is_known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0;
    if (all != 0)
        snprintf(amount, sizeof amount, ", %.0f %% of %.1f MiB", 100.0 * (double)(done < all ? done : all) / (double)all, (double)all / (1 << 20));
    else if (done != 0)
        snprintf(amount, sizeof amount, ", %.1f MiB", (double)done / (1 << 20));
    snprintf(line, sizeof line, "pando: %s%s, %.0f s ...", what, amount, (double)(pando_clock_mono_ns() - begin_mono_ns) / 1e9);
    fprintf(stderr, "\r%.*s\033[K", (is_known ? size.ws_col : COLUMNS_DEFAULT) - 1, line);
    fflush(stderr);
    is_drawn = true;
}

/* Waits so long, or until it ends. */
static void wait_ms(unsigned ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + ms * 1000000ull;
    until.tv_sec += (time_t)(ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    while (!ends && pthread_cond_timedwait(&changed, &lock, &until) == 0)
        continue;
}

static void *run(void *unused)
{
    pthread_mutex_lock(&lock);
    wait_ms(FIRST_MS);
    while (!ends) {
        draw();
        wait_ms(EACH_MS);
    }
    pthread_mutex_unlock(&lock);
    return unused;
}

static void start(void)
{
    sigset_t all, before;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &attributes);
    pthread_condattr_destroy(&attributes);
    begin_mono_ns = pando_clock_mono_ns();
    ends = is_drawn = false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    runs = pthread_create(&thread, NULL, run, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void pando_progress_begin(const char *format, ...)
{
    char text[WHAT_BYTES];
    va_list args;
    if (!is_for_terminal())
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pthread_mutex_lock(&lock);
    pando_terminal_text(text, what, sizeof what);
    atomic_store(&done_bytes, 0);
    atomic_store(&all_bytes, 0);
    if (!runs)
        start();
    pthread_mutex_unlock(&lock);
}

void pando_progress_count(uint64_t done, uint64_t all)
{
    atomic_store(&done_bytes, done);
    atomic_store(&all_bytes, all);
}

void pando_progress_end(void)
{
    if (!runs)
        return;
    pthread_mutex_lock(&lock);
    ends = true;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
    runs = false;
    pthread_cond_destroy(&changed);
    if (is_drawn) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
}
