/* Why: agent/lifecycle.h and the functions of include/pando.h. Context: setup; the host's threads. One lock, never held over
 * anything of the host's; the order of a start is undone backwards when a step fails, and the host runs as if we were not there. */
#include "agent/lifecycle.h"

#include <pando.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/agent_thread.h"
#include "agent/alternate_stack.h"
#include "agent/attached.h"
#include "agent/cpu_clock.h"
#include "agent/fork.h"
#include "agent/handler.h"
#include "agent/host_signals.h"
#include "agent/orders.h"
#include "agent/own_threads.h"
#include "agent/pace.h"
#include "agent/real.h"
#include "agent/thread_exit.h"
#include "agent/threads.h"
#include "agent/walk_libunwind.h"
#include "agent/wall_clock.h"
#include "agent/worker_door.h"
#include "base/attach_block.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/raw_syscall.h"

#define MS 1000000ull

struct pando_agent pando_agent;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char problem[PANDO_CONFIG_SENTENCE_BYTES];

static bool early_flush_failed; /* in exit(): then nobody waits for the receiver a second time */

static uint64_t exit_deadline_mono_ns(void)
{
    return pando_clock_mono_ns() + pando_agent.config.exit_timeout_ms * MS;
}

static int fail(int error, const char *what)
{
    snprintf(problem, sizeof problem, "%s: %s. Pando stays off.", what, pando_error_text(error));
    pando_log(PANDO_LOG_ERROR, "%s", problem);
    return error;
}

static void set_phase(enum pando_phase phase)
{
    atomic_store_explicit(&pando_agent.phase, phase, memory_order_release);
}

static void *map_memory(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory != MAP_FAILED ? memory : NULL;
}

/* The memory that handlers write to and read from: mapped at the first start, kept for good, since a handler may be late. */
static int make_memory(void)
{
    uint32_t words = pando_agent.config.ring_kib * (1024 / 8);
    if (pando_agent.objects.readers == NULL)
        pando_agent.objects.readers = map_memory(PANDO_OBJECTS_READERS_MAX * sizeof(struct pando_objects_reader));
    if (pando_agent.ring_memory == NULL) {
        pando_agent.ring_bytes = pando_ring_bytes(words);
        pando_agent.ring_memory = pando_agent.ring_bytes != 0 ? map_memory(pando_agent.ring_bytes) : NULL;
        if (pando_agent.ring_memory != NULL)
            pando_agent.ring = pando_ring_init(pando_agent.ring_memory, words);
    }
    return pando_agent.objects.readers != NULL && pando_agent.ring != NULL ? 0 : PANDO_ERR_NO_MEMORY;
}

static void at_exit(void);

static int set_up_once(void)
{
    static bool is_done;
    if (is_done)
        return 0;
    int error = pando_thread_exit_setup();
    if (error == 0 && (pando_fork_setup() != 0 || atexit(at_exit) != 0))
        error = PANDO_ERR_NO_MEMORY;
    is_done = error == 0;
    return error;
}

static int begin(bool is_load)
{
    pando_worker_door_setup();
    if (set_up_once() != 0)
        return fail(PANDO_ERR_NO_MEMORY, "libc has no room for a key and two handlers");
    if (make_memory() != 0)
        return fail(PANDO_ERR_NO_MEMORY, "the ring and the tables cannot be mapped");
    if (pando_agent.config.unwinder != PANDO_UNWINDER_ROWS && pando_walk_libunwind_load() != 0)
        return fail(PANDO_ERR_NOT_FOUND, "PANDO_UNWIND asks for libunwind, but libunwind.so.8 cannot be opened");
    pando_alternate_stack_setup();
    pando_cpu_clock_setup(pando_agent.config.door.rate_hz);
    pando_pace_setup(pando_agent.config.door.budget_percent, pando_agent.config.door.rate_hz);
    pando_wall_clock_setup();
    pando_threads_reset(&pando_agent.counters);
    if (pando_agent.config.is_attached)
        pando_own_thread_enter();
    pando_agent.pid = getpid();
    pando_agent.start_wall_ns = pando_clock_wall_ns();
    pando_agent.start_mono_ns = pando_clock_mono_ns();
    pando_agent.start_cpu_ns = pando_clock_process_cpu_ns();
    if (pando_host_signals_install(pando_handler) != 0)
        return fail(PANDO_ERR_IO, "SIGPROF cannot be taken");
    set_phase(PANDO_PHASE_ACTIVE);
    if (pando_agent_thread_start(!is_load) != 0) {
        set_phase(PANDO_PHASE_OFF);
        return fail(PANDO_ERR_IO, "the system refuses a thread");
    }
    return 0;
}

/* The calling thread is sampled from here on; the others are found by the agent's thread. */
static void enter_self(void)
{
    struct pando_thread_slot *slot = pando_threads_reserve();
    if (slot == NULL)
        return;
    pando_thread_exit_watch(slot);
    pando_threads_enter_self(slot, pando_raw_gettid() == pando_agent.pid);
}

static int start(const struct pando_options *options, const struct pando_config_more *more, bool is_load)
{
    if (pando_agent_phase() != PANDO_PHASE_OFF) {
        snprintf(problem, sizeof problem, "Pando runs already in this process.");
        return PANDO_ERR_STATE;
    }
    set_phase(PANDO_PHASE_STARTING);
    pando_orders_forget();
    int error = pando_config_read(options, more, &pando_agent.config, problem);
    if (error == 0)
        error = begin(is_load);
    if (error != 0) {
        set_phase(PANDO_PHASE_OFF);
        return error;
    }
    if (!pando_agent.config.is_attached)
        enter_self();
    pando_log(PANDO_LOG_INFO, "sampling at %u Hz for group %s, every %u s to %.200s.", pando_agent.config.door.rate_hz,
              pando_agent.config.door.group, pando_agent.config.door.interval_s,
              pando_agent.config.door.url[0] != '\0' ? pando_agent.config.door.url : "Amazon CodeGuru Profiler");
    return 0;
}

/* Stops sampling, delivers, ends the thread. The lock is held, or the process ends. */
static int stop(bool process_ends)
{
    unsigned active = PANDO_PHASE_ACTIVE;
    if (!atomic_compare_exchange_strong(&pando_agent.phase, &active, PANDO_PHASE_STOPPING))
        return PANDO_ERR_STATE;
    bool has_work = pando_agent_thread_has_work(); /* before what the threads' ends add: a process without a sample just ends */
    pando_threads_leave_all();
    pando_log(PANDO_LOG_INFO, "sampling ends: %llu signals, %llu samples kept.",
              (unsigned long long)pando_counted(&pando_agent.counters, PANDO_COUNT_SIGNALS),
              (unsigned long long)pando_counted(&pando_agent.counters, PANDO_COUNT_SAMPLES_KEPT));
    if (process_ends && !has_work)
        return 0; /* the thread sleeps, and ends with the process */
    int error = pando_agent_thread_ask(PANDO_REQUEST_STOP, early_flush_failed ? pando_clock_mono_ns() : exit_deadline_mono_ns());
    set_phase(PANDO_PHASE_OFF);
    return error;
}

/* exit(), or return from main. Not in the child of a bare clone, which has our memory but not our threads. Handlers run in the
 * reverse order of their registration: this one, registered at load, after nearly all of the host's, so that their time counts. */
static void at_exit(void)
{
    if (pando_agent_phase() == PANDO_PHASE_OFF || getpid() != pando_agent.pid || stop(true) != PANDO_ERR_STATE)
        return;
    /* The agent's thread is about to stop by itself: what it delivers is worth as long a wait as what we would have. */
    uint64_t deadline = exit_deadline_mono_ns();
    while (pando_agent_phase() == PANDO_PHASE_STOPPING && pando_clock_mono_ns() < deadline)
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

/* This one before those of the host's that are older than the first samples. Sampling goes on. */
static void early_at_exit(void)
{
    if (pando_agent_phase() == PANDO_PHASE_ACTIVE && getpid() == pando_agent.pid)
        early_flush_failed = pando_agent_thread_ask(PANDO_REQUEST_FLUSH, exit_deadline_mono_ns()) != 0;
}

void pando_lifecycle_flush_early_at_exit(void)
{
    static atomic_bool is_registered; /* a fork's child inherits both */
    if (!atomic_exchange(&is_registered, true))
        atexit(early_at_exit);
}

static atomic_bool gave_way;

void pando_lifecycle_give_way(void)
{
    pthread_mutex_lock(&lock);
    stop(false);
    atomic_store(&gave_way, true);
    pthread_mutex_unlock(&lock);
}

/* The calling thread is the last of the host's. libc calls exit in the last of all threads, so ours have to end first. When they
 * do not, in time, this does what libc would have done: one of ours must never be that last thread (its descriptors are not the
 * host's, and what stdio still holds would be lost). */
static void end_with_last_thread(void)
{
    stop(false);
    uint64_t deadline = exit_deadline_mono_ns();
    while (pando_threads_count_all() > 1) {
        if (pando_clock_mono_ns() >= deadline)
            exit(0);
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
}

void pando_lifecycle_thread_ends(void *slot_pointer)
{
    struct pando_thread_slot *slot = slot_pointer;
    unsigned use = atomic_load_explicit(&slot->use, memory_order_acquire);
    if (atomic_load(&gave_way))
        return;
    pando_alternate_stack_leave(slot);
    if (slot->tid != pando_raw_gettid())
        return; /* the slot is another thread's by now */
    bool was_hosts = pando_thread_is_hosts(use);
    pando_threads_leave_own(slot);
    if (was_hosts && pando_threads_by_hook() == 0 && getpid() == pando_agent.pid &&
        pando_threads_count_hosts() == 1)
        end_with_last_thread();
}

void pando_lifecycle_rest(void)
{
    pthread_mutex_lock(&lock);
    if (pando_agent_phase() != PANDO_PHASE_ACTIVE)
        return;
    int hosts = pando_threads_count_hosts();
    uint64_t deadline = pando_clock_mono_ns() + pando_agent.config.exit_timeout_ms * MS;
    pando_agent_thread_ask(PANDO_REQUEST_REST, deadline);
    /* A thread that has been joined is still on its way out of the kernel for a moment. */
    while (pando_threads_count_hosts() > hosts && pando_clock_mono_ns() < deadline)
        nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
}

void pando_lifecycle_resume(void)
{
    if (pando_agent_phase() == PANDO_PHASE_ACTIVE && !pando_agent_thread_runs() && pando_agent_thread_start(false) != 0) {
        pando_threads_leave_all();
        set_phase(PANDO_PHASE_OFF);
        fail(PANDO_ERR_IO, "the system refuses a thread");
    }
    pthread_mutex_unlock(&lock);
}

bool pando_lifecycle_begin_own_stop(void)
{
    unsigned active = PANDO_PHASE_ACTIVE;
    if (pthread_mutex_trylock(&lock) != 0)
        return false;
    if (!atomic_compare_exchange_strong(&pando_agent.phase, &active, PANDO_PHASE_STOPPING)) {
        pthread_mutex_unlock(&lock);
        return false;
    }
    pando_threads_leave_all();
    return true;
}

void pando_lifecycle_end_own_stop(void)
{
    pando_attached_release_area();
    pando_agent_thread_forget();
    set_phase(PANDO_PHASE_OFF);
    pthread_mutex_unlock(&lock);
}

void pando_lifecycle_reset_lock(void)
{
    pthread_mutex_init(&lock, NULL);
}

int pando_start(const struct pando_options *options)
{
    pthread_mutex_lock(&lock);
    int error = start(options, NULL, false);
    pthread_mutex_unlock(&lock);
    return error;
}

int pando_lifecycle_start_attached(const struct pando_options *options, const struct pando_config_more *more)
{
    pthread_mutex_lock(&lock);
    int error = start(options, more, false);
    pthread_mutex_unlock(&lock);
    pando_own_thread_leave();
    return error;
}

int pando_stop(void)
{
    pthread_mutex_lock(&lock);
    int error = stop(false);
    if (error != 0)
        snprintf(problem, sizeof problem, error == PANDO_ERR_STATE ? "Pando does not run in this process."
                 : "The last profile was not delivered: %s.", pando_error_text(error));
    pthread_mutex_unlock(&lock);
    return error;
}

int pando_flush(uint32_t timeout_ms)
{
    pthread_mutex_lock(&lock);
    int error = pando_agent_phase() == PANDO_PHASE_ACTIVE
                    ? pando_agent_thread_ask(PANDO_REQUEST_FLUSH, pando_clock_mono_ns() + timeout_ms * MS) : PANDO_ERR_STATE;
    if (error != 0)
        snprintf(problem, sizeof problem, error == PANDO_ERR_STATE ? "Pando does not run in this process."
                 : "The profile was not delivered: %s.", pando_error_text(error));
    pthread_mutex_unlock(&lock);
    return error;
}

const char *pando_problem(void)
{
    return problem;
}

void pando_counters_visit(void (*visit)(void *context, const char *name, uint64_t value), void *context)
{
    for (int i = 0; i < PANDO_COUNTERS; i++)
        visit(context, pando_counter_name((enum pando_counter)i), pando_counted(&pando_agent.counters, (enum pando_counter)i));
}

const char *pando_version(void)
{
    return PANDO_VERSION;
}

/* Preloaded, or linked: the environment alone starts it. Not in a program with the privileges of its file: that environment
 * is somebody else's. */
__attribute__((constructor)) static void on_load(void)
{
    char thread[16] = "";
    pando_raw_syscall4(SYS_prctl, PR_GET_NAME, (long)thread, 0, 0);
    if (strncmp(thread, PANDO_ATTACH_THREAD, sizeof thread) == 0)
        return; /* pando_attach_begin is what comes next */
    if (!pando_fork_is_glibc() || getauxval(AT_SECURE) != 0 || !pando_config_environment_asks())
        return;
    pthread_mutex_lock(&lock);
    start(NULL, NULL, true);
    pthread_mutex_unlock(&lock);
}
