/* Why: `pando report`: what is stored, as text or JSON.
 * Context: own process. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/report_json.h"
#include "cli/shown.h"
#include "cli/source.h"
#include "cli/time_text.h"
#include "cli/top_table.h"
#include "cli/weights.h"

struct options {
    struct pando_source source;
    const char *group;
    uint64_t start_ms, end_ms, top;
    double min_percent;
    unsigned view;   /* of profile/states.h */
    struct pando_slice_wish slices;
    bool as_json;
};

static bool parse_time(int option, const char *text, struct options *options)
{
    uint64_t ms;
    bool good = option == 'S' ? pando_time_span(text, &ms) : pando_time_point(text, &ms);
    if (!good) {
        pando_cli_complain(option == 'S' ? "--since takes a number and s, m, h or d, not \"%s\"."
                                         : "--start and --end take 2026-01-31T12:00:00Z or milliseconds since 1970, not \"%s\".",
                           text);
        return false;
    }
    uint64_t now_ms = pando_clock_wall_ns() / 1000000;
    if (option == 'S')
        options->start_ms = ms < now_ms ? now_ms - ms : 0;
    else if (option == 'a')
        options->start_ms = ms;
    else
        options->end_ms = ms;
    return true;
}

static bool parse_percent(const char *text, double *ret_percent)
{
    char *end;
    double percent = strtod(text, &end);
    if (end == text || *end != '\0' || !(percent >= 0 && percent <= 100)) {
        pando_cli_complain("--min-percent takes a number from 0 to 100, not \"%s\".", text);
        return false;
    }
    *ret_percent = percent;
    return true;
}

static bool parse_option(int option, struct options *options)
{
    switch (option) {
    case 'u':
        options->source.url = optarg;
        return true;
    case 's':
        options->source.store_path = optarg;
        return true;
    case 'g':
        options->group = optarg;
        return true;
    case 'S':
    case 'a':
    case 'e':
        return parse_time(option, optarg, options);
    case 'x':
        if (pando_profile_view_parse(optarg, &options->view))
            return true;
        pando_cli_complain("--state is CPU, all, or states such as RUNNABLE or WAITING, with commas between, not \"%s\".", optarg);
        return false;
    case 'T':
        if (pando_slice_wish_thread(&options->slices, optarg))
            return true;
        pando_cli_complain("--thread can be given %d times at most.", (int)PANDO_SLICE_WISHES_MAX);
        return false;
    case 'l':
        if (pando_slice_wish_label(&options->slices, optarg))
            return true;
        pando_cli_complain("--label takes KEY:VALUE, %d times at most, not \"%s\".", (int)PANDO_SLICE_WISHES_MAX, optarg);
        return false;
    case 't':
        return pando_cli_number("--top", optarg, 0, PANDO_TOP_TABLE_MAX, &options->top);
    case 'p':
        return parse_percent(optarg, &options->min_percent);
    case 'f':
        options->as_json = strcmp(optarg, "json") == 0;
        if (options->as_json || strcmp(optarg, "text") == 0)
            return true;
        pando_cli_complain("--format is text or json, not \"%s\".", optarg);
        return false;
    default:
        return false;
    }
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option long_options[] = {
        {"url", required_argument, NULL, 'u'},         {"store", required_argument, NULL, 's'},
        {"group", required_argument, NULL, 'g'},       {"since", required_argument, NULL, 'S'},
        {"start", required_argument, NULL, 'a'},       {"end", required_argument, NULL, 'e'},
        {"top", required_argument, NULL, 't'},         {"min-percent", required_argument, NULL, 'p'},
        {"format", required_argument, NULL, 'f'},      {"state", required_argument, NULL, 'x'},
        {"thread", required_argument, NULL, 'T'},      {"label", required_argument, NULL, 'l'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = pando_cli_next_option(argc, argv, ":", long_options)) != -1) {
        if (!parse_option(option, options))
            return false;
    }
    if (optind < argc) {
        pando_cli_complain("report takes no operand, but got \"%s\"; see pando help report.", argv[optind]);
        return false;
    }
    if ((options->source.url == NULL) == (options->source.store_path == NULL)) {
        pando_cli_complain("report needs one of --url and --store; see pando help report.");
        return false;
    }
    return true;
}

static int print_text(const struct options *options, const char *group, const struct pando_shown *shown,
                      const struct pando_weights *weights, uint64_t profile_count)
{
    const struct pando_profile *profile = shown->profile;
    printf("Group %s: %.2f s of %s in %" PRIu64 " samples, %" PRIu64 " profiles.\n", group,
           (double)weights->total / 1e9, pando_shown_clock(shown), profile->meta.samples, profile_count);
    pando_shown_print_states(stdout, shown);
    pando_shown_print_slices(stdout, shown);
    int error = 0;
    if (options->top != 0) {
        putchar('\n');
        error = pando_top_table_print(stdout, profile, weights, pando_shown_clock(shown), (uint32_t)options->top);
    }
    if (error == 0 && options->min_percent < 100) {
        putchar('\n');
        error = pando_tree_print(stdout, profile, weights, options->min_percent);
    }
    return error;
}

static int print(const struct options *options, const char *group, const struct pando_shown *shown, uint64_t profile_count)
{
    struct pando_weights weights;
    int error = pando_weights_make(shown->profile, &weights);
    if (error == 0)
        error = options->as_json ? pando_report_json_print(stdout, group, shown, &weights, profile_count,
                                                           (uint32_t)options->top)
                                 : print_text(options, group, shown, &weights, profile_count);
    pando_weights_release(&weights);
    if (error == 0 && (fflush(stdout) != 0 || ferror(stdout)))
        error = PANDO_ERR_IO;
    if (error != 0)
        pando_cli_complain("the report cannot be written: %s.", pando_error_text(error));
    return error == 0 ? PANDO_EXIT_OK : PANDO_EXIT_FAILED;
}

int pando_cli_report(int argc, char **argv)
{
    struct options options = {.end_ms = UINT64_MAX, .top = 20, .min_percent = 1.0};
    if (!parse_options(argc, argv, &options))
        return PANDO_EXIT_USAGE;
    char group[PANDO_GROUP_BYTES], message[2048] = "";
    if (options.group != NULL) {
        snprintf(group, sizeof group, "%s", options.group);
    } else if (pando_source_only_group(&options.source, group, sizeof group, message, sizeof message) != 0) {
        pando_cli_complain("%s", message);
        return PANDO_EXIT_FAILED;
    }
    struct pando_profile *profile;
    uint64_t profile_count = 0;
    if (pando_source_merge(&options.source, group, options.start_ms, options.end_ms, &profile, &profile_count, message,
                           sizeof message) != 0) {
        pando_cli_complain("%s", message);
        return PANDO_EXIT_FAILED;
    }
    struct pando_shown shown;
    if (pando_shown_make(profile, &options.slices, options.view, &shown) != 0) {
        pando_cli_complain("there is no memory.");
        return PANDO_EXIT_FAILED;
    }
    int status = print(&options, group, &shown, profile_count);
    pando_shown_release(&shown);
    return status;
}
