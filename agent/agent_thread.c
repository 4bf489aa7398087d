/* Why: agent/agent_thread.h. Context: as there; what is not in the header runs in the thread itself. */
#include "agent/agent_thread.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>

#include "agent/agent.h"
#include "agent/attached.h"
#include "agent/control.h"
#include "agent/cpu_clock.h"
#include "agent/labels.h"
#include "agent/lifecycle.h"
#include "agent/loader_gate.h"
#include "agent/orders.h"
#include "agent/own_threads.h"
#include "agent/pace.h"
#include "agent/real.h"
#include "agent/remote.h"
#include "agent/threads.h"
#include "agent/walk_compare.h"
#include "agent/wall_thread.h"
#include "agent/worker_door.h"
#include "base/clock.h"
#include "base/descriptors.h"
#include "base/error.h"
#include "base/futex.h"
#include "base/log.h"

#define MS 1000000ull

enum {
    STACK_BYTES = 1 << 20,   /* the demangler needs half of it for the worst names known */
    FIRST_TURN_MS = 100,     /* between the first turns: there is code without rows */
    FIRST_TURNS = 10,
    TURN_MS = 250,           /* between turns while there are samples; a ring that is half full ends the sleep */
    FIRST_SLEEP_MS = 50,     /* before the worker is opened: many programs are over by then */
    QUIET_MS = 500,          /* between turns after the last sample, until the next look for threads: they may all be gone */
    IDLE_MS = 10000,         /* between looks for threads of others while nothing runs */
    SCAN_MS = 1000,          /* between such looks while something runs, or 100 times what a look costs */
};

static pthread_t thread;
static atomic_bool runs;          /* there is a thread that has not been asked to end, or has not ended in time */
static atomic_uint requested;     /* enum pando_agent_thread_request, or'ed */
static atomic_uint answered;      /* goes up when what was requested is done */
static int answer;
static atomic_int own_tid;
static atomic_int asking_tid;     /* who waits for it */
static uint64_t request_deadline_mono_ns;
static atomic_bool sleeps, hurries;
static const struct pando_door *door;
static struct pando_worker *_Atomic worker;
static bool scans_first, gave_up;
static int turns;               /* that the worker was given, up to FIRST_TURNS */
static bool has_scanned_since;  /* the last sample */

void pando_agent_thread_notice(void)
{
    bool is_asleep = atomic_load_explicit(&sleeps, memory_order_relaxed);
    bool is_filling = !is_asleep && !atomic_load_explicit(&hurries, memory_order_relaxed) &&
                      pando_ring_used_words(pando_agent.ring) > pando_ring_capacity_words(pando_agent.ring) / 2;
    if (is_asleep && atomic_exchange_explicit(&sleeps, false, memory_order_acq_rel))
        pando_control_wake();
    else if (is_filling && !atomic_exchange_explicit(&hurries, true, memory_order_acq_rel))
        pando_control_wake();
}

/* Waits at most so long, less when somebody asks or the ring fills; with `until_noticed` also when any sample comes. */
static void sleep_for(uint64_t ns, bool until_noticed)
{
    unsigned seen = pando_control_seen();
    atomic_store_explicit(&hurries, false, memory_order_relaxed);
    if (until_noticed)
        atomic_store(&sleeps, true);
    bool has_work = atomic_load(&requested) != 0 || pando_control_is_asked() || (until_noticed && pando_ring_used_words(pando_agent.ring) != 0);
    if (!has_work)
        pando_control_sleep(seen, pando_remote_limit_sleep(ns));
    atomic_store_explicit(&sleeps, false, memory_order_relaxed);
}

void pando_agent_thread_after_fork(void)
{
    atomic_store(&asking_tid, 0);
    atomic_store(&own_tid, 0);
    atomic_store(&runs, false);
    atomic_store(&requested, 0);
    atomic_store(&sleeps, false);
    atomic_store(&hurries, false);
    worker = NULL;
    turns = 0;
    gave_up = false;
    pando_control_after_fork();
    pando_orders_after_fork();
}

static void give_up(const char *message)
{
    pando_log(PANDO_LOG_ERROR, "%s", message);
    gave_up = true;
    pando_cpu_clock_refuse();
    pando_threads_leave_all();
}

static void open_worker(void)
{
    char message[PANDO_CONFIG_SENTENCE_BYTES] = "";
    if (!pando_worker_door_has_room()) {
        give_up("the process has no 48 MiB of memory left for Pando's libraries (RLIMIT_AS or RLIMIT_DATA); profiling ends.");
        return;
    }
    pando_loader_gate_enter();
    door = pando_worker_door_open(message, sizeof message);
    const struct pando_door_host host = {
        .ring = pando_agent.ring, .objects = &pando_agent.objects, .counters = &pando_agent.counters,
        .label_sets = &pando_label_sets, .settings = &pando_agent.config.door, .orders = pando_orders(),
        .create_thread = pando_hook_pthread_create, .environment = pando_agent.config.environment,
        .start_wall_ns = pando_agent.start_wall_ns,
        .start_mono_ns = pando_agent.start_mono_ns, .start_cpu_ns = pando_agent.start_cpu_ns,
    };
    struct pando_worker *opened = NULL;
    bool is_open = door != NULL && door->open(&host, &opened, message, sizeof message) == 0;
    pando_loader_gate_leave();
    if (!is_open) {
        give_up(message);
        return;
    }
    worker = opened;
    pando_lifecycle_flush_early_at_exit();
}

static uint64_t next_scan_mono_ns;

/* True when the host has no thread left: then the process must not live on for ours. */
static bool scan(void)
{
    uint64_t begin = pando_clock_mono_ns();
    if (begin < next_scan_mono_ns)
        return false;
    int count = pando_orders_are_to_pause() ? pando_threads_count_hosts() : pando_threads_scan();
    has_scanned_since = true;
    uint64_t cost = pando_clock_mono_ns() - begin;
    next_scan_mono_ns = begin + (SCAN_MS * MS > 100 * cost ? SCAN_MS * MS : 100 * cost);
    return count == 0;
}

/* One turn; returns how long to sleep, and whether any sample ends the sleep. */
static uint64_t take_turn(bool *ret_until_noticed)
{
    *ret_until_noticed = true;
    if (!gave_up && pando_agent.config.is_attached && pando_attached_sigprof_is() != PANDO_SIGPROF_OURS)
        give_up("the program has taken SIGPROF for itself; profiling ends.");
    if (gave_up)
        return IDLE_MS * MS;
    bool had_samples = pando_ring_used_words(pando_agent.ring) != 0;
    if (worker == NULL && had_samples)
        open_worker();
    if (worker == NULL)
        return IDLE_MS * MS;
    uint64_t wish_ns = door->turn(worker);
    pando_pace_look();
    pando_walk_compare_log();
    if (pando_orders_obey())
        next_scan_mono_ns = 0;
    *ret_until_noticed = !had_samples;
    if (had_samples)
        has_scanned_since = false;
    turns += turns < FIRST_TURNS;
    uint64_t turn_ms = turns < FIRST_TURNS ? FIRST_TURN_MS : TURN_MS;
    uint64_t limit_ns = (had_samples ? turn_ms : has_scanned_since ? IDLE_MS : QUIET_MS) * MS;
    return wish_ns < limit_ns ? wish_ns : limit_ns;
}

static int finish(uint64_t deadline_mono_ns)
{
    pando_wall_thread_flush();
    if (worker == NULL && !gave_up && pando_ring_used_words(pando_agent.ring) != 0)
        open_worker();
    if (gave_up)
        return PANDO_ERR_UNSUPPORTED;
    return worker != NULL ? door->flush(worker, deadline_mono_ns) : 0;
}

static void answer_all(unsigned requests)
{
    atomic_fetch_and(&requested, ~requests);
    atomic_fetch_add_explicit(&answered, 1, memory_order_release);
    pando_futex_wake_all(&answered);
}

static void close_worker(void)
{
    if (worker != NULL)
        door->close(worker);
    worker = NULL;
}

/* Does what was asked for; true: the thread ends. */
static bool obey(unsigned requests)
{
    if ((requests & (PANDO_REQUEST_STOP | PANDO_REQUEST_REST)) != 0)
        pando_wall_thread_stop();
    if ((requests & (PANDO_REQUEST_FLUSH | PANDO_REQUEST_STOP)) != 0)
        answer = finish(request_deadline_mono_ns);
    pando_walk_compare_log();
    if ((requests & PANDO_REQUEST_STOP) != 0) {
        pando_threads_leave_all(); /* whom we let go on while the stop began */
        close_worker();
    }
    if ((requests & PANDO_REQUEST_REST) != 0 && worker != NULL)
        door->rest(worker);
    bool ends = (requests & (PANDO_REQUEST_STOP | PANDO_REQUEST_REST)) != 0;
    answer_all(requests);
    return ends;
}

/* An order of the user's, or profiling is over; true: the thread ends, and nobody has asked it to. */
static bool look_for_orders(void)
{
    const struct pando_remote_worker means = {.door = door, .worker = worker, .gave_up = gave_up, .deliver = finish};
    enum pando_remote_result result = pando_remote_look(&means);
    if (result != PANDO_REMOTE_NOTHING)
        next_scan_mono_ns = 0;
    if (result != PANDO_REMOTE_STOP)
        return false;
    pando_wall_thread_stop();
    int error = finish(pando_clock_mono_ns() + pando_agent.config.exit_timeout_ms * MS);
    close_worker();
    pando_remote_stopped(error);
    return true;
}

static void leave_host(void)
{
    /* A log on the host's stderr is the one reason to stay in its descriptor table. */
    if (strcmp(pando_agent.config.door.log_path, "stderr") != 0 && pando_descriptors_leave_host())
        pando_control_open();
    pando_wall_thread_start();
}

static void *run(void *unused)
{
    (void)unused;
    prctl(PR_SET_NAME, "pando", 0, 0, 0);
    atomic_store(&own_tid, pando_raw_gettid());
    pando_own_thread_enter();
    pando_threads_birth_ends();
    next_scan_mono_ns = scans_first ? 0 : pando_clock_mono_ns() + SCAN_MS * MS;
    pando_remote_begin();
    bool ends = false, host_is_gone = scan(), is_first = worker == NULL, has_left = false, by_itself = false;
    uint64_t sleep_ns = pando_agent.config.wall_rate_hz == 0 && !pando_agent.config.is_attached ? IDLE_MS * MS : 0;
    bool until_noticed = worker == NULL;
    while (!ends && !host_is_gone) {
        sleep_for(sleep_ns, until_noticed);
        if (!has_left)
            leave_host();
        has_left = true;
        if (is_first && pando_ring_used_words(pando_agent.ring) != 0) {
            is_first = false;
            sleep_for(FIRST_SLEEP_MS * MS, false);
        }
        unsigned requests = atomic_load_explicit(&requested, memory_order_acquire);
        if (requests != 0)
            ends = obey(requests);
        else
            sleep_ns = take_turn(&until_noticed);
        by_itself = !ends && look_for_orders();
        ends = ends || by_itself;
        host_is_gone = !ends && scan();
    }
    if (host_is_gone) {
        pando_wall_thread_stop();
        finish(pando_clock_mono_ns() + pando_agent.config.exit_timeout_ms * MS);
        close_worker();
        /* The first thread left by the bare system call, and the kernel takes the status of the last. */
        pando_raw_syscall4(SYS_exit, pando_threads_first_status(), 0, 0, 0);
    }
    pando_control_close();
    pando_own_thread_leave();
    if (by_itself)
        pando_lifecycle_end_own_stop();
    return NULL;
}

int pando_agent_thread_start(bool scan_first)
{
    scans_first = scan_first;
    pthread_attr_t attributes;
    sigset_t all, old;
    if (pthread_attr_init(&attributes) != 0)
        return PANDO_ERR_IO;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* the thread inherits it: the host's signals are for the host's threads */
    pando_threads_birth_begins();
    int error = pando_real()->pthread_create != NULL ? pando_real()->pthread_create(&thread, &attributes, run, NULL) : -1;
    if (error != 0)
        pando_threads_birth_ends();
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
    atomic_store(&runs, error == 0);
    return error == 0 ? 0 : PANDO_ERR_IO;
}

int pando_agent_thread_tid(void)
{
    return pando_agent_thread_runs() ? atomic_load(&own_tid) : 0;
}

bool pando_agent_thread_runs(void)
{
    return atomic_load(&runs);
}

void pando_agent_thread_forget(void)
{
    pthread_detach(pthread_self());
    gave_up = false;
    atomic_store(&runs, false);
    answer = PANDO_ERR_STATE;
    answer_all(atomic_load(&requested)); /* who asked meanwhile */
}

bool pando_agent_thread_has_work(void)
{
    return worker != NULL || pando_ring_used_words(pando_agent.ring) != 0;
}

int pando_agent_thread_asking_tid(void)
{
    return atomic_load_explicit(&asking_tid, memory_order_relaxed);
}

static bool wait_for_answer(unsigned before, uint64_t give_up_mono_ns)
{
    while (atomic_load_explicit(&answered, memory_order_acquire) == before) {
        uint64_t now = pando_clock_mono_ns();
        if (now >= give_up_mono_ns)
            return false;
        pando_futex_wait(&answered, before, give_up_mono_ns - now);
    }
    return true;
}

int pando_agent_thread_ask(enum pando_agent_thread_request request, uint64_t deadline_mono_ns)
{
    if (!pando_agent_thread_runs())
        return PANDO_ERR_STATE;
    unsigned before = atomic_load(&answered);
    atomic_store_explicit(&asking_tid, pando_raw_gettid(), memory_order_relaxed);
    request_deadline_mono_ns = deadline_mono_ns;
    atomic_fetch_or_explicit(&requested, request, memory_order_acq_rel);
    pando_control_wake();
    /* A little longer than the worker has: it keeps the deadline itself, and its answer is worth more than ours. */
    bool has_answer = wait_for_answer(before, deadline_mono_ns + 500 * MS);
    atomic_store_explicit(&asking_tid, 0, memory_order_relaxed);
    if (!has_answer)
        return PANDO_ERR_TIMEOUT;
    int result = answer;
    if (request != PANDO_REQUEST_FLUSH) {
        pthread_join(thread, NULL);
        atomic_store(&runs, false);
    }
    return result;
}
