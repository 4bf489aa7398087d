/* Which clock should interrupt: POSIX timers on the thread's CPU clock, or perf's software clock (task-clock) with a signal for each
 * overflow. The same work, 60 % in user code and 40 % in system calls, with no clock and with each, in turn: how many samples come,
 * what they say of the two shares, and what they cost. Numbers behind docs/clocks.md. Usage: clock_bench [ROUNDS] */
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS_MAX = 200, PIECES = 40, USER = 0, KERNEL = 1 };

struct way {
    const char *name;
    int rate_hz;
    enum { NONE, TIMER, PERF } clock;
    double cpu_s[ROUNDS_MAX];
    double weight, in_kernel, signals, whole_s;
};
static struct way ways[] = {
    {.name = "none"},
    {.name = "timer", .clock = TIMER, .rate_hz = 100},   {.name = "perf", .clock = PERF, .rate_hz = 100},
    {.name = "timer", .clock = TIMER, .rate_hz = 1000},  {.name = "perf", .clock = PERF, .rate_hz = 1000},
    {.name = "timer", .clock = TIMER, .rate_hz = 4000},  {.name = "perf", .clock = PERF, .rate_hz = 4000},
};
enum { WAYS = sizeof ways / sizeof ways[0] };

static volatile int where;
static volatile uint64_t sink;
static volatile sig_atomic_t is_on;
static uint64_t signals, weight, weight_in_kernel;

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    uint64_t more = info->si_code == SI_TIMER ? 1 + (uint64_t)info->si_overrun : 1;
    signals += is_on;
    weight += is_on * more;
    weight_in_kernel += where == KERNEL ? is_on * more : 0;
}

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static timer_t start_timer(int rate_hz)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF};
    event._sigev_un._tid = (int)syscall(SYS_gettid);
    timer_t timer;
    timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer);
    long ns = 1000000000 / rate_hz;
    timer_settime(timer, 0, &(struct itimerspec){.it_interval.tv_nsec = ns, .it_value.tv_nsec = ns}, NULL);
    return timer;
}

/* -1: the kernel does not permit it. *ret_kernel: whether it counts time in the kernel. */
static int start_perf(int rate_hz, int *ret_kernel)
{
    struct perf_event_attr event = {.type = PERF_TYPE_SOFTWARE, .size = sizeof event, .config = PERF_COUNT_SW_TASK_CLOCK,
                                    .sample_period = 1000000000u / (unsigned)rate_hz, .wakeup_events = 1, .disabled = 1};
    int fd = (int)syscall(SYS_perf_event_open, &event, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    *ret_kernel = fd >= 0;
    event.exclude_kernel = 1;
    if (fd < 0)
        fd = (int)syscall(SYS_perf_event_open, &event, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd < 0)
        return -1;
    struct f_owner_ex owner = {.type = F_OWNER_TID, .pid = (int)syscall(SYS_gettid)};
    fcntl(fd, F_SETFL, O_ASYNC);
    fcntl(fd, F_SETSIG, SIGPROF);
    fcntl(fd, F_SETOWN_EX, &owner);
    syscall(SYS_ioctl, fd, PERF_EVENT_IOC_ENABLE, 0);
    return fd;
}

static void work(void)
{
    static char block[1 << 16];
    int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    for (int piece = 0; piece < PIECES; piece++) {
        where = USER;
        uint64_t x = sink;
        for (int i = 0; i < 6000000; i++)
            x = x * 6364136223846793005u + 1442695040888963407u;
        sink = x;
        where = KERNEL;
        for (int i = 0; i < 5400; i++)
            sink += (uint64_t)read(zero, block, sizeof block);
    }
    close(zero);
}

static void run(struct way *way, int round)
{
    int fd = -1, sees_kernel = 0;
    timer_t timer;
    signals = weight = weight_in_kernel = 0;
    if (way->clock == TIMER)
        timer = start_timer(way->rate_hz);
    else if (way->clock == PERF)
        fd = start_perf(way->rate_hz, &sees_kernel);
    is_on = 1;
    double begin = cpu_s();
    work();
    way->cpu_s[round] = cpu_s() - begin;
    is_on = 0;
    if (way->clock == TIMER)
        timer_delete(timer);
    else if (fd >= 0)
        close(fd);
    way->whole_s += way->cpu_s[round];
    way->signals += (double)signals;
    way->weight += (double)weight;
    way->in_kernel += (double)weight_in_kernel;
    if (way->clock == PERF && round == 0 && fd < 0)
        printf("(perf's clock is not permitted here)\n");
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 && atoi(argv[1]) < ROUNDS_MAX ? atoi(argv[1]) : 15;
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_RESTART};
    action.sa_sigaction = on_signal;
    sigaction(SIGPROF, &action, NULL);
    work();
    /* What part of the work is in system calls, with no clock at all. */
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < WAYS; i++)
            run(&ways[round % 2 == 0 ? i : WAYS - 1 - i], round);
    printf("%-8s %6s %12s %14s %12s %22s %14s\n", "clock", "asked", "signals/s", "weight/asked", "in kernel", "CPU time added", "us a signal");
    for (int i = 0; i < WAYS; i++) {
        struct way *way = &ways[i];
        double added[ROUNDS_MAX];
        for (int round = 0; round < rounds; round++)
            added[round] = (way->cpu_s[round] / ways[0].cpu_s[round] - 1) * 100;
        qsort(added, (size_t)rounds, sizeof added[0], by_size);
        double a_second = way->signals / way->whole_s;
        printf("%-8s %6d %12.0f %14.3f %10.1f %% %+7.2f %% (%+.2f..%+.2f) %14.1f\n", way->name, way->rate_hz, a_second,
               way->rate_hz ? way->weight / way->whole_s / way->rate_hz : 0, way->weight ? way->in_kernel / way->weight * 100 : 0,
               added[rounds / 2], added[rounds / 4], added[rounds * 3 / 4], a_second > 0 ? added[rounds / 2] / 100 / a_second * 1e6 : 0);
    }
    return 0;
}
