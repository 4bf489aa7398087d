/* To be preloaded: a timer on the first thread's clock and a SIGPROF handler that does nothing. The kernel's own cost of a
 * sample, which no profiler of this kind can go below. BENCH_RATE_HZ says how often. */
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void nothing(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    (void)context;
}

__attribute__((constructor)) static void begin(void)
{
    const char *rate = getenv("BENCH_RATE_HZ");
    if (rate == NULL)
        return;
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_RESTART};
    action.sa_sigaction = nothing;
    sigaction(SIGPROF, &action, NULL);
    long interval_ns = 1000000000 / atol(rate);
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF};
    event._sigev_un._tid = (int)syscall(SYS_gettid);
    timer_t timer;
    timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer);
    struct itimerspec when = {.it_interval.tv_nsec = interval_ns, .it_value.tv_nsec = interval_ns};
    timer_settime(timer, 0, &when, NULL);
}
