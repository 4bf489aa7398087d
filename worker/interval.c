/* Why: worker/interval.h. Context: the agent's thread. */
#include "worker/interval.h"

#include <errno.h>
#include <gnu/libc-version.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "uploader/token.h"

enum { MS = 1000000, MIB = 1 << 20 };

int pando_interval_init(struct pando_interval *interval, const struct pando_door_host *host)
{
    *interval = (struct pando_interval){.host = host, .fleet_info = "", .start_wall_ns = host->start_wall_ns,
                                        .start_mono_ns = host->start_mono_ns, .process_cpu_ns = host->start_cpu_ns};
    return pando_token_make(interval->fleet_id);
}

void pando_interval_look(struct pando_interval *interval, uint64_t samples)
{
    if (samples != 0)
        interval->last_sample_wall_ns = pando_clock_wall_ns();
    interval->threads_sum += atomic_load_explicit(&interval->host->counters->threads_now, memory_order_relaxed);
    interval->threads_looks++;
}

/* The number of a string of the builder; 0, the empty one, when there is no room for it. */
static uint32_t string(struct pando_profile_builder *builder, const char *text)
{
    int64_t number = pando_profile_builder_string(builder, text, strlen(text));
    return number >= 0 ? (uint32_t)number : 0;
}

static uint32_t usable_cpus(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (uint32_t)CPU_COUNT(&set) : 1;
}

void pando_interval_fill_meta(void *context, struct pando_profile_builder *builder)
{
    const struct pando_interval *interval = context;
    struct pando_profile_meta *meta = pando_profile_builder_meta(builder);
    char host_name[256] = "", runtime[64];
    gethostname(host_name, sizeof host_name - 1);
    snprintf(runtime, sizeof runtime, "glibc %s", gnu_get_libc_version());
    meta->start_wall_ms = interval->start_wall_ns / MS;
    meta->end_wall_ms = interval->last_sample_wall_ns / MS;
    meta->active_ms = (pando_clock_mono_ns() - interval->start_mono_ns) / MS;
    meta->agent_start_wall_ms = interval->host->start_wall_ns / MS;
    meta->weight_per_second = interval->host->settings->units_per_s;
    meta->cpu_time_s = (double)(pando_clock_process_cpu_ns() - interval->process_cpu_ns) / 1e9;
    meta->mean_threads = interval->threads_looks != 0
                             ? (double)interval->threads_sum / (double)interval->threads_looks : 0;
    meta->overhead_cpu_ms = (interval->overhead_now_ns - interval->overhead_cpu_ns) / MS;
    meta->overhead_memory_mib = interval->memory_bytes / MIB;
    meta->pid = (uint32_t)getpid();
    meta->vcpus = usable_cpus();
    meta->runtime_version = string(builder, runtime);
    meta->agent_type = string(builder, "Pando");
    meta->agent_version = string(builder, PANDO_VERSION);
    meta->host_name = string(builder, host_name);
    meta->process_name = string(builder, program_invocation_short_name);
    if (interval->fleet_info[0] != '\0')
        meta->fleet_info = string(builder, interval->fleet_info);
    memcpy(meta->fleet_id, interval->fleet_id, sizeof meta->fleet_id);
}

void pando_interval_restart(struct pando_interval *interval)
{
    interval->start_wall_ns = pando_clock_wall_ns();
    interval->start_mono_ns = pando_clock_mono_ns();
    interval->process_cpu_ns = pando_clock_process_cpu_ns();
    interval->overhead_cpu_ns = interval->overhead_now_ns;
    interval->threads_sum = interval->threads_looks = 0;
}
