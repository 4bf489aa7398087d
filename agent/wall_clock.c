/* Why: agent/wall_clock.h: one look at a thread, and which threads a turn looks at. Context: the wall clock's thread.
 *
 * A slot of the registry is given all the time since it was looked at last, whoever had it meanwhile (a new one as much as the last
 * round took): so a thread that lives for less than a round is found in one of many rounds, and then has a round's time: right on
 * the average. Time is told in whole units,
 * what is left over stays for the next look. A thread whose CPU clock stands has not run: it is in the same sleep, with the same
 * stack, and a look at it costs one system call. */
#include "agent/wall_clock.h"

#include "agent/agent.h"
#include "agent/agent_thread.h"
#include "agent/cpu_clock.h"
#include "agent/threads.h"
#include "agent/wall_stack.h"
#include "agent/wall_state.h"
#include "base/clock.h"

enum {
    VISITS_A_TURN = 512,     /* threads, at less than a microsecond each when they sleep on */
    STACKS_A_TURN = 32,      /* at some ten microseconds each */
    TELL_EACH_S = 1,         /* a long sleep is told to the ring as often */
    NS_PER_S = 1000000000,
};

static uint64_t period_ns;
static uint32_t units_per_s;
static uint64_t due_mono_ns = UINT64_MAX;
static uint64_t random_state;
static uint32_t next_number;  /* of the slot at which the next turn begins */
static uint64_t round_begin_mono_ns, last_round_ns; /* 0: the first round is not over */

void pando_wall_clock_setup(void)
{
    uint32_t rate_hz = pando_agent.config.wall_rate_hz;
    period_ns = rate_hz != 0 ? NS_PER_S / rate_hz : 0;
    units_per_s = pando_agent.config.door.units_per_s;
    next_number = 0;
    random_state = round_begin_mono_ns = pando_clock_mono_ns();
    last_round_ns = 0;
    due_mono_ns = rate_hz != 0 ? random_state + period_ns : UINT64_MAX;
}

void pando_wall_clock_set_rate(uint32_t rate_hz)
{
    period_ns = NS_PER_S / rate_hz;
    due_mono_ns = pando_clock_mono_ns() + period_ns;
}

uint64_t pando_wall_clock_due_mono_ns(void)
{
    return due_mono_ns;
}

/* From half a period to one and a half: what the host does in step with a clock must not be met always at the same point. Longer, if
 * turns that take `turn_cpu_ns` would take more than the budget's share of one processor. (Not of the program's CPU time, as for
 * samples: one that sleeps has none, and is what this clock is for.) */
static uint64_t next_wait_ns(uint64_t turn_cpu_ns)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    uint64_t wait_ns = period_ns / 2 + (random_state >> 33) % (period_ns + 1),
             least_ns = turn_cpu_ns * 100 / pando_agent.config.door.budget_percent;
    if (wait_ns >= least_ns)
        return wait_ns;
    pando_count(&pando_agent.counters, PANDO_COUNT_WALL_LATE);
    return least_ns;
}

static void tell(struct pando_thread_slot *slot)
{
    if (slot->wall.units != 0)
        pando_wall_stack_push(slot, false);
}

/* Whole units of the time since the slot was looked at last. */
static uint32_t units_since(struct pando_wall_record *wall, uint64_t now_mono_ns)
{
    uint64_t elapsed_ns = wall->seen_mono_ns != 0 ? now_mono_ns - wall->seen_mono_ns
                          : last_round_ns != 0     ? last_round_ns
                                                   : now_mono_ns - round_begin_mono_ns;
    uint64_t sum = elapsed_ns * units_per_s + wall->remainder;
    wall->seen_mono_ns = now_mono_ns;
    wall->remainder = sum % NS_PER_S;
    return (uint32_t)(sum / NS_PER_S);
}

/* The thread sleeps at `at`: its stack, if it did not move while it was read. */
static bool take_stack(struct pando_thread_slot *slot, const struct pando_wall_state *at, uint64_t cpu_ns)
{
    struct pando_wall_record *wall = &slot->wall;
    pando_wall_stack_take(slot, at);
    if (pando_cpu_clock_of_thread_ns(slot->tid) != cpu_ns) {
        pando_count(&pando_agent.counters, PANDO_COUNT_WALL_MOVED);
        return false;
    }
    wall->state = at->state;
    wall->cpu_ns = cpu_ns;
    return true;
}

/* A thread that has run since the last look, or is new. */
static void look_again(struct pando_thread_slot *slot, uint64_t cpu_ns, uint32_t units)
{
    struct pando_wall_record *wall = &slot->wall;
    struct pando_wall_state at;
    tell(slot);
    wall->has_stack = false;
    wall->tid = (uint32_t)slot->tid;
    pando_labels_of_slot(slot, &wall->labels); /* before the clock is read again: if it stands, so did they */
    if (!pando_wall_state_read(slot->tid, &at)) {
        /* All that is known is that it has run; if it had not, it would be taken for one that waits. */
        bool is_new = wall->cpu_ns != cpu_ns;
        at = (struct pando_wall_state){.state = is_new ? PANDO_SAMPLE_RUNNABLE : PANDO_SAMPLE_WAITING};
        wall->cpu_ns = cpu_ns;
        pando_count(&pando_agent.counters, PANDO_COUNT_WALL_NO_STATE);
    }
    if (at.state == PANDO_SAMPLE_RUNNABLE || (at.has_place && !take_stack(slot, &at, cpu_ns))) {
        wall->state = PANDO_SAMPLE_RUNNABLE;
        atomic_fetch_add_explicit(&wall->running_units, units, memory_order_relaxed);
        return;
    }
    if (!at.has_place) {
        wall->state = at.state;
        wall->frame_count = 0;
        wall->walk_end = PANDO_WALK_END_BAD_STACK;
    }
    wall->units = units;
    wall->has_stack = wall->walk_end != PANDO_WALK_END_NO_ROWS;
    if (!wall->has_stack && units != 0)
        pando_wall_stack_push(slot, true); /* and the next look walks again: there may be rows by then */
}

/* Whose slot it was before has left: its last sleep. */
static void end_of_use(struct pando_thread_slot *slot, unsigned use)
{
    tell(slot);
    slot->wall.use = use;
    slot->wall.has_stack = false;
    slot->wall.cpu_ns = UINT64_MAX;
}

/* Returns whether it was one of the costly looks. */
static bool look(struct pando_thread_slot *slot)
{
    struct pando_wall_record *wall = &slot->wall;
    unsigned use = atomic_load_explicit(&slot->use, memory_order_acquire);
    uint64_t cpu_ns = 0, now_mono_ns = pando_clock_mono_ns();
    if (use != wall->use)
        end_of_use(slot, use);
    if (pando_thread_is_hosts(use))
        cpu_ns = pando_cpu_clock_of_thread_ns(slot->tid);
    uint32_t units = units_since(wall, now_mono_ns);
    if (cpu_ns == 0 || slot->tid == pando_agent_thread_asking_tid()) /* nobody's; gone; or what it waits for is Pando */
        return false;
    if (!wall->has_stack || wall->cpu_ns != cpu_ns) {
        look_again(slot, cpu_ns, units);
        return true;
    }
    wall->units += units;
    if (wall->units >= units_per_s * TELL_EACH_S)
        tell(slot);
    return false;
}

void pando_wall_clock_turn(void)
{
    if (due_mono_ns == UINT64_MAX || pando_clock_mono_ns() < due_mono_ns)
        return;
    uint64_t begin_cpu_ns = pando_clock_thread_cpu_ns();
    uint32_t high_water = pando_threads_high_water(), stacks = 0;
    uint32_t visits = high_water < VISITS_A_TURN ? high_water : VISITS_A_TURN;
    for (uint32_t i = 0; i < visits && stacks < STACKS_A_TURN; i++) {
        if (next_number >= high_water) {
            uint64_t now = pando_clock_mono_ns();
            last_round_ns = now - round_begin_mono_ns;
            round_begin_mono_ns = now;
            next_number = 0;
        }
        struct pando_thread_slot *slot = pando_threads_slot(next_number++);
        if (slot != NULL)
            stacks += look(slot);
    }
    due_mono_ns = pando_clock_mono_ns() + next_wait_ns(pando_clock_thread_cpu_ns() - begin_cpu_ns);
}

/* At the end a thread that is still there goes on doing what it did at the last look. */
static void end_of_slot(struct pando_thread_slot *slot)
{
    struct pando_wall_record *wall = &slot->wall;
    unsigned use = atomic_load_explicit(&slot->use, memory_order_acquire);
    bool is_there = wall->seen_mono_ns != 0 && pando_thread_is_hosts(wall->use) &&
                    pando_thread_generation(use) == pando_thread_generation(wall->use) &&
                    pando_cpu_clock_of_thread_ns((int)wall->tid) != 0;
    uint32_t units = is_there ? units_since(wall, pando_clock_mono_ns()) : 0;
    if (wall->state != PANDO_SAMPLE_RUNNABLE)
        wall->units += units;
    else
        atomic_fetch_add_explicit(&wall->running_units, units, memory_order_relaxed);
    tell(slot);
    /* No signal will bring their stack any more. */
    wall->units = atomic_exchange_explicit(&wall->running_units, 0, memory_order_relaxed);
    wall->state = PANDO_SAMPLE_RUNNABLE;
    wall->frame_count = 0;
    wall->walk_end = PANDO_WALK_END_BAD_STACK;
    wall->has_stack = false;
    tell(slot);
}

void pando_wall_clock_flush(void)
{
    if (due_mono_ns == UINT64_MAX)
        return;
    for (uint32_t i = 0; i < pando_threads_high_water(); i++) {
        struct pando_thread_slot *slot = pando_threads_slot(i);
        if (slot != NULL && pando_agent_phase() == PANDO_PHASE_ACTIVE)
            tell(slot);
        else if (slot != NULL)
            end_of_slot(slot);
    }
}

void pando_wall_clock_pause(void)
{
    if (due_mono_ns == UINT64_MAX)
        return;
    for (uint32_t i = 0; i < pando_threads_high_water(); i++) {
        struct pando_thread_slot *slot = pando_threads_slot(i);
        if (slot == NULL)
            continue;
        end_of_slot(slot);
        slot->wall.seen_mono_ns = slot->wall.remainder = 0;
    }
}
