/* Why: agent/pace.h. Context: the agent's thread. */
#include "agent/pace.h"

#include <sys/prctl.h>

#include "agent/agent.h"
#include "agent/cpu_clock.h"
#include "agent/threads.h"
#include "base/clock.h"
#include "base/log.h"

#define MS 1000000ull

enum {
    WINDOW_CPU_MS = 200,     /* of the process: what is measured at a time, at least */
    WINDOW_SIGNALS = 16,     /* the same */
    /* The kernel's part of a signal, on top of the tick that comes anyway: assumed, since measuring it would cost each process a
     * few signals (docs/overhead.md has what it is on one machine). */
    SIGNAL_NS = 3000,
    LOWER_WINDOWS = 3,       /* that must be over the budget in a row: building rows or naming functions takes one or two */
    AT_ONCE = 2,             /* times the budget in the handler alone: no wait */
    RAISE_WINDOWS = 10,      /* that must be under half of the budget in a row */
    CHANGE_MAX = 32,         /* times as seldom, in one change */
    SAMPLES_PART = 4,        /* samples must be one part in so many of the cost, or fewer of them would not help */
};

/* Totals since the start of the process. */
struct reading {
    uint64_t mono_ns, ticks, process_ns, own_ns, handler_ticks, signals;
};

bool pando_pace_has_ticks;
static unsigned budget_percent, rate_hz;
static struct reading last;
static int windows_over, windows_under;

void pando_pace_setup(uint32_t percent, uint32_t hz)
{
    int mode = PR_TSC_SIGSEGV;
    pando_pace_has_ticks = prctl(PR_GET_TSC, &mode, 0, 0, 0) == 0 && mode == PR_TSC_ENABLE;
    budget_percent = percent;
    rate_hz = hz;
    last = (struct reading){0};
    windows_over = windows_under = 0;
}

/* The handlers' ticks, and the CPU time of Pando's own threads. */
static void add_threads(struct reading *reading)
{
    for (uint32_t i = 0; i < pando_threads_high_water(); i++) {
        struct pando_thread_slot *slot = pando_threads_slot(i);
        if (slot == NULL)
            continue;
        reading->handler_ticks += atomic_load_explicit(&slot->handler_ticks, memory_order_relaxed);
        if (pando_thread_state(atomic_load_explicit(&slot->use, memory_order_acquire)) == PANDO_THREAD_OWN)
            reading->own_ns += pando_cpu_clock_of_thread_ns(slot->tid);
    }
}

static struct reading read_all(void)
{
    struct reading now = {.mono_ns = pando_clock_mono_ns(), .ticks = pando_pace_ticks(), .process_ns = pando_clock_process_cpu_ns(),
                          .signals = pando_counted(&pando_agent.counters, PANDO_COUNT_SIGNALS)};
    add_threads(&now);
    /* The wall clock's looks are bounded otherwise, and sampling CPU time less often would not make them cheaper. */
    uint64_t looks_ns = atomic_load_explicit(&pando_agent.counters.wall_clock_ns, memory_order_relaxed);
    now.own_ns -= looks_ns < now.own_ns ? looks_ns : now.own_ns;
    return now;
}

static void change(unsigned to, enum pando_counter which, double percent)
{
    pando_log(PANDO_LOG_INFO, "profiling took %.1f %% of the CPU time, PANDO_BUDGET_PERCENT is %u: %s, at %.1f Hz from here on.",
              percent, budget_percent, which == PANDO_COUNT_RATE_LOWERED ? "less often" : "more often again", (double)rate_hz / to);
    pando_count(&pando_agent.counters, which);
    pando_cpu_clock_set_step(to);
    windows_over = windows_under = 0;
}

/* Of a window: nanoseconds in handlers and in Pando's threads, CPU time of the process, signals. */
static void decide(double handler_ns, double own_ns, double cpu_ns, uint64_t signals)
{
    double samples_ns = handler_ns + (double)signals * SIGNAL_NS, cost_ns = samples_ns + own_ns;
    double budget_ns = cpu_ns * budget_percent / 100;
    unsigned step = pando_cpu_clock_step();
    windows_over = cost_ns > budget_ns && samples_ns * SAMPLES_PART > cost_ns ? windows_over + 1 : 0;
    windows_under = cost_ns < budget_ns / 2 ? windows_under + 1 : 0;
    if (windows_over >= LOWER_WINDOWS || handler_ns > budget_ns * AT_ONCE) {
        /* From how far samples are apart, not from the step: the kernel may have put many expiries into one signal. */
        double apart = cpu_ns / (double)signals / (double)pando_cpu_clock_interval_ns();
        double ratio = cost_ns / budget_ns < CHANGE_MAX ? cost_ns / budget_ns : CHANGE_MAX;
        double wanted = (apart > step ? apart : step) * ratio + 1;
        unsigned to = wanted < rate_hz ? (unsigned)wanted : rate_hz; /* never less than once a second */
        if (to > step)
            change(to, PANDO_COUNT_RATE_LOWERED, cost_ns / cpu_ns * 100);
    } else if (step > pando_cpu_clock_least_step() && windows_under >= RAISE_WINDOWS) {
        change(step / 2, PANDO_COUNT_RATE_RAISED, cost_ns / cpu_ns * 100);
    }
}

void pando_pace_look(void)
{
    if (last.mono_ns == 0) { /* what comes before, the opening of the worker, is not a matter of the rate */
        last = read_all();
        return;
    }
    uint64_t cpu_ns = pando_clock_process_cpu_ns() - last.process_ns;
    uint64_t signals = pando_counted(&pando_agent.counters, PANDO_COUNT_SIGNALS) - last.signals;
    if (cpu_ns < WINDOW_CPU_MS * MS || signals < WINDOW_SIGNALS)
        return;
    struct reading now = read_all();
    double ns_a_tick = now.ticks != last.ticks ? (double)(now.mono_ns - last.mono_ns) / (double)(now.ticks - last.ticks) : 0;
    double handler_ns = (double)(now.handler_ticks - last.handler_ticks) * ns_a_tick;
    double own_ns = now.own_ns > last.own_ns ? (double)(now.own_ns - last.own_ns) : 0; /* a thread may have ended */
    atomic_fetch_add_explicit(&pando_agent.counters.handler_ns, (uint64_t)handler_ns, memory_order_relaxed);
    decide(handler_ns, own_ns, (double)(now.process_ns - last.process_ns), now.signals - last.signals);
    last = now;
}
