/* Why: `pando report`: what is stored or in a file, as text or in the formats of other tools.
 * Context: own process. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/report_json.h"
#include "cli/shown.h"
#include "cli/subject.h"
#include "cli/time_text.h"
#include "cli/top_table.h"
#include "profile/slices.h"
#include "profile/weights.h"
#include "receiver/page_file.h"

enum { PAGE_MAX_BYTES = 1 << 30 };

struct options {
    struct pando_source source;
    const char *path;                /* of a file; NULL: the source */
    const char *group;
    uint64_t start_ms, end_ms, top;
    uint64_t ns_per_count;           /* of folded stacks; 0: nobody said */
    double min_percent;
    unsigned view;                   /* of profile/states.h */
    struct pando_slice_wish slices;
    struct pando_output output;
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
    case 'H':
        options->source.host = optarg;
        return true;
    case 'P':
        options->source.process = optarg;
        return true;
    case 'i': {
        uint64_t pid;
        if (!pando_cli_number("--pid", optarg, 1, UINT32_MAX, &pid))
            return false;
        options->source.pid = (uint32_t)pid;
        return true;
    }
    case 'S':
    case 'a':
    case 'e':
        return parse_time(option, optarg, options);
    case 'x':
        return pando_shown_view_option(optarg, &options->view);
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
        return pando_output_set_format(&options->output, optarg);
    case 'o':
        options->output.path = optarg;
        return true;
    case 'U':
        return pando_input_unit(optarg, &options->ns_per_count);
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
        {"output", required_argument, NULL, 'o'},      {"unit", required_argument, NULL, 'U'},
        {"host", required_argument, NULL, 'H'},        {"process", required_argument, NULL, 'P'},
        {"pid", required_argument, NULL, 'i'},
        {"thread", required_argument, NULL, 'T'},      {"label", required_argument, NULL, 'l'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = pando_cli_next_option(argc, argv, ":o:", long_options)) != -1) {
        if (!parse_option(option, options))
            return false;
    }
    if (optind < argc)
        options->path = argv[optind++];
    if (optind < argc) {
        pando_cli_complain("report takes one FILE, but got \"%s\" too; see pando help report.", argv[optind]);
        return false;
    }
    if ((options->source.url != NULL) + (options->source.store_path != NULL) + (options->path != NULL) != 1) {
        pando_cli_complain("report needs one of FILE, --url and --store; see pando help report.");
        return false;
    }
    if (options->path != NULL && pando_input_is_store(options->path)) {
        options->source.store_path = options->path;
        options->path = NULL;
    }
    if (options->path != NULL && (options->source.host != NULL || options->source.process != NULL || options->source.pid != 0)) {
        pando_cli_complain("--host, --process and --pid choose among the profiles of a receiver; a FILE is one already.");
        return false;
    }
    return pando_output_settle(&options->output);
}

static int print_text(FILE *out, const struct options *options, const struct pando_subject *subject, const struct pando_shown *shown,
                      const struct pando_weights *weights)
{
    const struct pando_profile *profile = shown->profile;
    fprintf(out, "%s %s: %.2f s of %s", options->path != NULL ? "File" : "Group", subject->title, (double)weights->total / 1e9,
            pando_shown_clock(shown));
    if (profile->meta.samples != 0)
        fprintf(out, " in %" PRIu64 " samples, %" PRIu64 " profiles", profile->meta.samples, subject->profile_count);
    fputs(".\n", out);
    pando_shown_print_states(out, shown);
    pando_shown_print_slices(out, shown);
    int error = 0;
    if (options->top != 0) {
        fputc('\n', out);
        error = pando_top_table_print(out, profile, weights, pando_shown_clock(shown), (uint32_t)options->top);
    }
    if (error == 0 && options->min_percent < 100) {
        fputc('\n', out);
        error = pando_tree_print(out, profile, weights, options->min_percent);
    }
    return error;
}

static int print_page(FILE *out, const struct pando_subject *subject, const struct pando_shown *shown)
{
    struct pando_buffer page;
    struct pando_page_file file = {.title = subject->title, .profile = shown->profile, .profile_count = subject->profile_count,
                                   .has_states = shown->has_states, .view = shown->view};
    memcpy(file.totals, shown->totals, sizeof file.totals);
    pando_buffer_init(&page, PAGE_MAX_BYTES);
    int error = pando_page_file_write(&file, &page);
    if (error == 0 && fwrite(page.bytes, 1, page.len_bytes, out) != page.len_bytes)
        error = PANDO_ERR_IO;
    pando_buffer_release(&page);
    return error;
}

/* As text, JSON or a page, of one view. */
static int print_shown(FILE *out, const struct options *options, struct pando_subject *subject)
{
    struct pando_shown shown;
    struct pando_weights weights = {0};
    int error = pando_shown_make(subject->profile, &options->slices, options->view, &shown);
    subject->profile = NULL; /* it was taken over */
    if (error == 0)
        error = pando_weights_make(shown.profile, &weights);
    if (error == 0)
        error = options->output.kind == PANDO_OUTPUT_HTML   ? print_page(out, subject, &shown)
                : options->output.kind == PANDO_OUTPUT_JSON
                    ? pando_report_json_print(out, subject->title, &shown, &weights, subject->profile_count, (uint32_t)options->top)
                    : print_text(out, options, subject, &shown, &weights);
    pando_weights_release(&weights);
    pando_shown_release(&shown);
    return error;
}

/* Only what is wished for stays. */
static int select_slices(const struct options *options, struct pando_subject *subject)
{
    struct pando_profile *selected;
    if (options->slices.thread_count == 0 && options->slices.label_count == 0)
        return 0;
    int error = pando_profile_select(subject->profile, &options->slices, &selected);
    if (error != 0)
        return error;
    if (selected != subject->profile)
        pando_profile_free(subject->profile);
    subject->profile = selected;
    return 0;
}

static int print(const struct options *options, struct pando_subject *subject)
{
    const struct pando_export_about about = {.title = subject->title, .profile_count = subject->profile_count,
                                             .view = options->view, .ns_per_sample = subject->ns_per_sample};
    FILE *out = pando_output_open(&options->output);
    if (out == NULL)
        return PANDO_EXIT_FAILED;
    int error = options->output.kind == PANDO_OUTPUT_EXPORT ? select_slices(options, subject) : print_shown(out, options, subject);
    if (error == 0 && options->output.kind == PANDO_OUTPUT_EXPORT)
        error = pando_output_export(out, options->output.format, subject->profile, &about);
    if (error != 0 && error != PANDO_ERR_IO)
        pando_cli_complain("the report cannot be made: %s.", pando_error_text(error));
    bool is_written = pando_output_close(&options->output, out);
    return error == 0 && is_written ? PANDO_EXIT_OK : PANDO_EXIT_FAILED;
}

int pando_cli_report(int argc, char **argv)
{
    struct options options = {.end_ms = UINT64_MAX, .top = 20, .min_percent = 1.0};
    struct pando_subject subject = {0};
    char message[2048] = "";
    if (!parse_options(argc, argv, &options))
        return PANDO_EXIT_USAGE;
    int error = options.path != NULL
                    ? pando_subject_of_file(options.path, options.ns_per_count, &subject, message, sizeof message)
                    : pando_subject_of_group(&options.source, options.group, options.start_ms, options.end_ms, &subject, message,
                                             sizeof message);
    if (error != 0) {
        pando_cli_complain("%s", message);
        return PANDO_EXIT_FAILED;
    }
    int status = print(&options, &subject);
    pando_profile_free(subject.profile);
    return status;
}
