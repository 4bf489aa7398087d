/* Why: cli/run_summary.h. Context: own process. */
#include "cli/run_summary.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/report.h"
#include "cli/shown.h"
#include "cli/source.h"
#include "cli/target_check.h"
#include "cli/terminal_text.h"
#include "cli/top_table.h"
#include "profile/weights.h"

static void explain_absence(const char *command, const char *message)
{
    char path[PATH_MAX];
    const char *reason = pando_target_reason(pando_target_check(command, path, sizeof path));
    if (reason != NULL)
        pando_cli_complain("no profile came: %s %s.", path, reason);
    else
        pando_cli_complain("no profile came: %s (Likely reasons: it used less than 10 ms of CPU time, was killed before it "
                           "could send, or started a statically linked program. --log FILE shows what the profiler says.)",
                           message);
}

static void print_losses(const struct pando_profile *profile)
{
    for (uint32_t i = 0; i < profile->counter_count; i++) {
        if (profile->counters[i].value == 0)
            continue;
        char name[128];
        pando_terminal_text(profile->strings[profile->counters[i].name], name, sizeof name);
        fprintf(stderr, "pando:   %s: %" PRIu64 "\n", name, profile->counters[i].value);
    }
}

static void print_shown(const struct pando_run_summary *summary, const struct pando_shown *shown, uint64_t profile_count)
{
    const struct pando_profile *profile = shown->profile;
    const char *clock = pando_shown_clock(shown);
    struct pando_weights weights;
    if (pando_weights_make(profile, &weights) == 0) {
        if (summary->top != 0) {
            fputc('\n', stderr);
            pando_top_table_print(stderr, profile, &weights, clock, summary->top);
        }
        fprintf(stderr, "pando: %.2f s of %s sampled (%" PRIu64 " samples in %" PRIu64
                        " profiles), the process used %.2f s%s; the profiler itself %.2f s.\n",
                (double)weights.total / 1e9, clock, profile->meta.samples, profile_count, profile->meta.cpu_time_s,
                shown->view == PANDO_VIEW_CPU ? "" : " of CPU time", (double)profile->meta.overhead_cpu_ms / 1e3);
        if (shown->has_states)
            fputs("pando: ", stderr);
        pando_shown_print_states(stderr, shown);
        print_losses(profile);
    }
    pando_weights_release(&weights);
}

void pando_run_summary_print(const struct pando_run_summary *summary)
{
    const struct pando_source source = {.url = summary->url};
    struct pando_profile *profile;
    uint64_t profile_count = 0;
    char message[2048] = "";
    int error = pando_source_merge(&source, summary->group, summary->start_ms, UINT64_MAX, &profile, &profile_count,
                                   message, sizeof message);
    if (error == PANDO_ERR_NOT_FOUND) {
        explain_absence(summary->command, message);
        return;
    }
    if (error != 0) {
        pando_cli_complain("the profiles cannot be shown: %s", message);
        return;
    }
    struct pando_shown shown;
    if (pando_shown_make(profile, NULL, PANDO_VIEW_DEFAULT, &shown) != 0) {
        pando_cli_complain("there is no memory to show the profile.");
        return;
    }
    print_shown(summary, &shown, profile_count);
    pando_shown_release(&shown);
}

void pando_run_report_write(const struct pando_run_summary *summary, const struct pando_output *output)
{
    if (output->path != NULL && pando_report_write(summary->url, summary->group, summary->start_ms, output))
        fprintf(stderr, "pando: the profile is in %s.\n", output->path);
}
