/* Why: agent/remote.h. Context: as there. */
#include "agent/remote.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/agent.h"
#include "agent/control.h"
#include "agent/cpu_clock.h"
#include "agent/lifecycle.h"
#include "agent/orders.h"
#include "agent/pace.h"
#include "agent/wall_thread.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#define MS 1000000ull

enum {
    HANDLERS_END_NS = 1000000,   /* by then handlers that ran when the timers went have put their records into the ring */
    LEAST_SLEEP_NS = 10000000,
    DELIVERY_DEFAULT_MS = 2000,
};

static bool stop_was_ordered;
static uint32_t lease_s;         /* 0: none */
static unsigned beat_seen;
static uint64_t beat_mono_ns;    /* when it was raised last, as far as we have looked */

static int set_lease(uint32_t seconds)
{
    if (seconds > PANDO_CONTROL_LEASE_MAX_S)
        return PANDO_ERR_INVALID;
    lease_s = seconds;
    beat_seen = pando_control_beat();
    beat_mono_ns = pando_clock_mono_ns();
    return 0;
}

void pando_remote_begin(void)
{
    stop_was_ordered = false;
    set_lease(pando_agent.config.lease_s);
}

/* When profiling ends by itself, in nanoseconds from now; UINT64_MAX: never. */
static uint64_t time_left_ns(void)
{
    uint64_t left_ns = UINT64_MAX, end_wall_ms = pando_agent.config.end_wall_ms;
    if (end_wall_ms != 0) {
        uint64_t now_ns = pando_clock_wall_ns();
        left_ns = end_wall_ms * MS > now_ns ? end_wall_ms * MS - now_ns : 0;
    }
    if (lease_s != 0) {
        uint64_t end_ns = beat_mono_ns + lease_s * 1000 * MS, now_ns = pando_clock_mono_ns();
        uint64_t lease_ns = end_ns > now_ns ? end_ns - now_ns : 0;
        left_ns = lease_ns < left_ns ? lease_ns : left_ns;
    }
    return left_ns;
}

uint64_t pando_remote_limit_sleep(uint64_t ns)
{
    uint64_t left_ns = time_left_ns();
    if (left_ns < LEAST_SLEEP_NS)
        left_ns = LEAST_SLEEP_NS; /* it is over, but somebody else was about to stop */
    return left_ns < ns ? left_ns : ns;
}

static bool is_over(void)
{
    unsigned beat = pando_control_beat();
    if (lease_s != 0 && beat != beat_seen) {
        beat_seen = beat;
        beat_mono_ns = pando_clock_mono_ns();
    }
    return time_left_ns() == 0;
}

static void say_counter(void *context, const char *name, uint64_t value)
{
    (void)context;
    char line[96];
    snprintf(line, sizeof line, "counter.%s", name);
    pando_control_say(line, "%llu", (unsigned long long)value);
}

static const char *mode_of(const struct pando_config *config)
{
    return config->wall_rate_hz == 0 ? "cpu" : config->has_cpu_time ? "both" : "wall";
}

static const char *state_of(const struct pando_remote_worker *worker)
{
    if (worker->gave_up)
        return "gave-up";
    if (pando_orders_has_user_pause())
        return "paused";
    return pando_orders_are_to_pause() ? "paused-by-service" : "running";
}

static void say_status(const struct pando_remote_worker *worker)
{
    const struct pando_config *config = &pando_agent.config;
    struct pando_log_problem problem = {0};
    uint64_t used_ns = pando_clock_process_cpu_ns() - pando_agent.start_cpu_ns;
    pando_control_say("state", "%s", state_of(worker));
    pando_control_say("version", "%s", PANDO_VERSION);
    pando_control_say("pid", "%d", pando_agent.pid);
    pando_control_say("group", "%s", config->door.group);
    pando_control_say("url", "%s", config->door.url);
    pando_control_say("mode", "%s", mode_of(config));
    pando_control_say("rateHz", "%u", config->door.rate_hz);
    pando_control_say("rateNowHz", "%.1f", (double)config->door.rate_hz / pando_cpu_clock_step());
    pando_control_say("wallRateHz", "%u", config->wall_rate_hz);
    pando_control_say("intervalS", "%u", config->door.interval_s);
    pando_control_say("budgetPercent", "%u", config->door.budget_percent);
    pando_control_say("threads", "%u", atomic_load_explicit(&pando_agent.counters.threads_now, memory_order_relaxed));
    pando_control_say("startMs", "%llu", (unsigned long long)(pando_agent.start_wall_ns / MS));
    pando_control_say("endMs", "%llu", (unsigned long long)config->end_wall_ms);
    pando_control_say("processCpuMs", "%llu", (unsigned long long)(used_ns / MS));
    if (worker->worker != NULL)
        worker->door->describe(worker->worker, pando_control_say, &problem);
    if (problem.wall_ms == 0)
        pando_log_last_problem(&problem);
    pando_control_say("lastProblemMs", "%llu", (unsigned long long)problem.wall_ms);
    pando_control_say("lastProblem", "%s", problem.text);
    pando_config_say(config, pando_control_say);
    for (int i = 0; i < PANDO_COUNTERS; i++)
        say_counter(NULL, pando_counter_name((enum pando_counter)i), pando_counted(&pando_agent.counters, (enum pando_counter)i));
    if (worker->worker != NULL)
        worker->door->visit_counters(worker->worker, say_counter, NULL);
}

/* Nobody is sampled any more, and what was is in an interval that has ended. */
static int hold(const struct pando_remote_worker *worker, uint64_t deadline_mono_ns)
{
    pando_orders_set_user_pause(true);
    if (pando_orders_obey() || worker->worker == NULL)
        return 0;
    nanosleep(&(struct timespec){.tv_nsec = HANDLERS_END_NS}, NULL);
    return worker->door->flush(worker->worker, deadline_mono_ns);
}

static void go_on(const struct pando_remote_worker *worker)
{
    if (worker->worker != NULL)
        worker->door->go_on(worker->worker);
    pando_orders_set_user_pause(false);
    pando_orders_obey();
}

static int change_rate(const struct pando_remote_worker *worker, uint32_t rate_hz)
{
    struct pando_config *config = &pando_agent.config;
    bool was_paused = pando_orders_has_user_pause();
    if (rate_hz < 1 || rate_hz > PANDO_RATE_MAX_HZ)
        return PANDO_ERR_INVALID;
    /* Weights are counted in intervals of the old rate: none of them may be told in the new. */
    hold(worker, pando_clock_mono_ns());
    config->door.rate_hz = rate_hz;
    config->door.has_own_rate = config->given.rate_hz = true;
    if (config->has_cpu_time)
        config->door.units_per_s = rate_hz;
    pando_cpu_clock_setup(rate_hz);
    pando_pace_setup(config->door.budget_percent, rate_hz);
    if (!was_paused)
        go_on(worker);
    return 0;
}

/* Wall time is told in time, not in looks: nothing has to end first. */
static int change_wall_rate(uint32_t rate_hz)
{
    struct pando_config *config = &pando_agent.config;
    if (rate_hz < 1 || rate_hz > PANDO_WALL_RATE_MAX_HZ)
        return PANDO_ERR_INVALID;
    if (!config->door.has_wall_time)
        return PANDO_ERR_STATE;
    config->wall_rate_hz = rate_hz;
    config->given.wall_rate_hz = true;
    pando_wall_thread_set_rate();
    return 0;
}

static const char *sentence_for(enum pando_control_verb verb, int error)
{
    if (error == 0)
        return "";
    if (error == PANDO_ERR_INVALID)
        return verb == PANDO_CONTROL_RATE        ? "the rate is from 1 to 4000 samples a second."
               : verb == PANDO_CONTROL_WALL_RATE ? "the wall rate is from 1 to 1000 looks a second."
                                                 : "the agent does not know this order.";
    if (verb == PANDO_CONTROL_WALL_RATE)
        return "it measures CPU time alone; wall time has to be asked for at the start (PANDO_MODE=wall or both).";
    if (error == PANDO_ERR_BUSY)
        return "the program itself is about to stop or flush Pando; try again.";
    return verb == PANDO_CONTROL_PAUSE ? "it pauses, but the last profile has not been delivered yet."
                                       : "the profile has not been delivered.";
}

static void answer(enum pando_control_verb verb, int error)
{
    char sentence[PANDO_CONTROL_SENTENCE_BYTES];
    const char *text = sentence_for(verb, error);
    bool has_reason = error != 0 && verb != PANDO_CONTROL_WALL_RATE && error != PANDO_ERR_INVALID && error != PANDO_ERR_BUSY;
    snprintf(sentence, sizeof sentence, has_reason ? "%.*s: %s." : "%.*s", (int)strlen(text) - has_reason, text, pando_error_text(error));
    pando_control_answer(error, sentence);
}

static enum pando_remote_result begin_stop(void)
{
    return pando_lifecycle_begin_own_stop() ? PANDO_REMOTE_STOP : PANDO_REMOTE_NOTHING;
}

static enum pando_remote_result obey(const struct pando_remote_worker *worker, const struct pando_control_order *order)
{
    uint32_t timeout_ms = order->timeout_ms != 0 ? order->timeout_ms : DELIVERY_DEFAULT_MS;
    uint64_t deadline = pando_clock_mono_ns() + timeout_ms * MS;
    int error = 0;
    switch (order->verb) {
    case PANDO_CONTROL_STATUS:
        say_status(worker);
        break;
    case PANDO_CONTROL_PAUSE:
        error = hold(worker, deadline);
        break;
    case PANDO_CONTROL_RESUME:
        if (pando_orders_has_user_pause())
            go_on(worker);
        break;
    case PANDO_CONTROL_RATE:
        error = change_rate(worker, order->number);
        break;
    case PANDO_CONTROL_WALL_RATE:
        error = change_wall_rate(order->number);
        break;
    case PANDO_CONTROL_FLUSH:
        error = worker->deliver(deadline);
        break;
    case PANDO_CONTROL_LEASE:
        error = set_lease(order->number);
        break;
    case PANDO_CONTROL_STOP:
        stop_was_ordered = true;
        if (begin_stop() == PANDO_REMOTE_STOP)
            return PANDO_REMOTE_STOP; /* the answer comes when it is done */
        stop_was_ordered = false;
        error = PANDO_ERR_BUSY;
        break;
    default:
        error = PANDO_ERR_INVALID;
    }
    answer(order->verb, error);
    return PANDO_REMOTE_OBEYED;
}

enum pando_remote_result pando_remote_look(const struct pando_remote_worker *worker)
{
    struct pando_control_order order;
    if (pando_control_take(&order))
        return obey(worker, &order);
    return is_over() ? begin_stop() : PANDO_REMOTE_NOTHING;
}

void pando_remote_stopped(int error)
{
    if (stop_was_ordered)
        answer(PANDO_CONTROL_STOP, error);
}
