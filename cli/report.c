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
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/report_json.h"
#include "cli/shown.h"
#include "cli/source_options.h"
#include "cli/subject.h"
#include "cli/syntax_print.h"
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

enum {
    OPTION_URL, OPTION_STORE, OPTION_GROUP, OPTION_SINCE, OPTION_START, OPTION_END, OPTION_HOST, OPTION_PROCESS, OPTION_PID, OPTION_STATE,
    OPTION_THREAD, OPTION_LABEL, OPTION_TOP, OPTION_MIN_PERCENT, OPTION_FORMAT, OPTION_OUTPUT, OPTION_UNIT, OPTION_SHOW_CONFIG, OPTION_JSON,
};

static const struct pando_cli_option table[] = {
    [OPTION_URL] = PANDO_CLI_URL_ROW,
    [OPTION_STORE] = PANDO_CLI_STORE_ROW("PANDO_REPORT_STORE"),
    [OPTION_GROUP] = {"group", 'g', "NAME", "PANDO_REPORT_GROUP", NULL, "profiling group (the only one there is, if not given)", false},
    [OPTION_SINCE] = {"since", 0, "TIME", "PANDO_REPORT_SINCE", NULL, "only profiles of the last TIME: 90s, 10m, 2h, 7d", false},
    [OPTION_START] = {"start", 0, "TIME", "PANDO_REPORT_START", NULL, "only profiles from TIME on: 2026-01-31T12:00:00Z, or milliseconds since\n"
                      "1970", false},
    [OPTION_END] = {"end", 0, "TIME", "PANDO_REPORT_END", NULL, "only profiles up to TIME", false},
    [OPTION_HOST] = {"host", 0, "NAME", "PANDO_REPORT_HOST", NULL, "only profiles that came from this host (as long as single profiles\n"
                     "are kept)", false},
    [OPTION_PROCESS] = {"process", 0, "NAME", "PANDO_REPORT_PROCESS", NULL, "the same, of this program", false},
    [OPTION_PID] = {"pid", 0, "N", "PANDO_REPORT_PID", NULL, "the same, of this process", false},
    [OPTION_STATE] = PANDO_SHOWN_STATE_ROW("PANDO_REPORT_STATE"),
    [OPTION_THREAD] = PANDO_SHOWN_THREAD_ROW("PANDO_REPORT_THREAD"),
    [OPTION_LABEL] = PANDO_SHOWN_LABEL_ROW("PANDO_REPORT_LABEL"),
    [OPTION_TOP] = {"top", 0, "N", "PANDO_REPORT_TOP", "20", "lines of the table; 0: none", false},
    [OPTION_MIN_PERCENT] = {"min-percent", 0, "P", "PANDO_REPORT_MIN_PERCENT", "1", "leave out branches of the tree under P percent; 100 leaves\n"
                            "out the tree", false},
    [OPTION_FORMAT] = {"format", 'f', "FORMAT", "PANDO_REPORT_FORMAT", NULL, "text (if not given), json, pprof, folded, speedscope, markdown, otlp,\n"
                       "or html (the page, in one file)", false},
    [OPTION_OUTPUT] = {"output", 'o', "FILE", "PANDO_REPORT_OUTPUT", NULL, "write to FILE; its name tells the format: .pb.gz .pprof, .folded\n"
                       ".collapsed, .speedscope.json, .html, .md, .json, .txt", false},
    [OPTION_UNIT] = PANDO_INPUT_UNIT_ROW("PANDO_REPORT_UNIT"),
    [OPTION_SHOW_CONFIG] = PANDO_CLI_SHOW_CONFIG_ROW,
    [OPTION_JSON] = PANDO_CLI_JSON_ROW("the same as --format json"),
};

const struct pando_cli_syntax pando_cli_report_syntax = {
    .name = "report", .operands = "(FILE | --url URL | --store FILE)",
    .summary = "prints the hottest functions and the call tree of a store or a file; converts",
    .text = "Prints where the CPU time of a profiling group went, or its wall time where that was measured. FILE may be a receiver's\n"
            "store, what report wrote (JSON, pprof, folded), a pprof or folded file of another tool, or an agent's body (JSON, Ion);\n"
            "packed with gzip or not; - is the standard input.\n",
    .options = table, .option_count = sizeof table / sizeof table[0],
};

/* A time of an option that may not be set. */
static bool read_time(const struct pando_cli_values *values, size_t option, uint64_t *ret_ms)
{
    const char *text = values->text[option];
    if (text == NULL || pando_time_point(text, ret_ms))
        return true;
    pando_cli_complain("%s takes 2026-01-31T12:00:00Z or milliseconds since 1970, not \"%s\".", pando_cli_name_of(values, option), text);
    return false;
}

static bool read_times(const struct pando_cli_values *values, struct options *options)
{
    const char *since = values->text[OPTION_SINCE];
    uint64_t ms = 0, now_ms = pando_clock_wall_ns() / 1000000;
    if (since != NULL && !pando_time_span(since, &ms)) {
        pando_cli_complain("%s takes a number and s, m, h or d, not \"%s\".", pando_cli_name_of(values, OPTION_SINCE), since);
        return false;
    }
    if (since != NULL)
        options->start_ms = ms < now_ms ? now_ms - ms : 0;
    if (!read_time(values, OPTION_START, &options->start_ms) || !read_time(values, OPTION_END, &options->end_ms))
        return false;
    if (options->start_ms <= options->end_ms)
        return true;
    pando_cli_complain("the time ends before it begins; look at --since, --start and --end.");
    return false;
}

static bool read_percent(const struct pando_cli_values *values, double *ret_percent)
{
    const char *text = values->text[OPTION_MIN_PERCENT];
    char *end;
    *ret_percent = strtod(text, &end);
    if (end != text && *end == '\0' && *ret_percent >= 0 && *ret_percent <= 100)
        return true;
    pando_cli_complain("%s takes a number from 0 to 100, not \"%s\".", pando_cli_name_of(values, OPTION_MIN_PERCENT), text);
    return false;
}

static bool read_values(const struct pando_cli_values *values, struct options *options)
{
    uint64_t pid = 0;
    const char *format = pando_cli_format_of(values, OPTION_FORMAT, OPTION_OUTPUT, OPTION_JSON);
    options->group = values->text[OPTION_GROUP];
    if (!pando_source_read_options(values, OPTION_URL, OPTION_STORE, options->path, &options->source) || !read_times(values, options) ||
        !pando_cli_number_of(values, OPTION_PID, 1, UINT32_MAX, &pid) ||
        !pando_shown_read_options(values, OPTION_STATE, OPTION_THREAD, OPTION_LABEL, &options->view, &options->slices) ||
        !pando_cli_number_of(values, OPTION_TOP, 0, PANDO_TOP_TABLE_MAX, &options->top) || !read_percent(values, &options->min_percent) ||
        !pando_input_read_unit(values, OPTION_UNIT, &options->ns_per_count))
        return false;
    options->source.host = values->text[OPTION_HOST];
    options->source.process = values->text[OPTION_PROCESS];
    options->source.pid = (uint32_t)pid;
    options->output.path = values->text[OPTION_OUTPUT];
    if (format != NULL && strcmp(format, "json") == 0)
        pando_progress_forbid();
    if (format != NULL && !pando_output_set_format(&options->output, pando_cli_name_of(values, OPTION_FORMAT), format))
        return false;
    return pando_output_settle(&options->output);
}

/* What is to be read must be known. */
static bool settle_source(const struct pando_cli_values *values, struct options *options)
{
    if (options->path == NULL && options->source.url == NULL && options->source.store_path == NULL) {
        pando_cli_complain("report needs one of FILE, --url and --store; see pando help report.");
        return false;
    }
    if (options->path != NULL && pando_input_is_store(options->path)) {
        options->source.store_path = options->path;
        options->path = NULL;
    }
    static const size_t choosing[] = {OPTION_GROUP, OPTION_SINCE, OPTION_START, OPTION_END, OPTION_HOST, OPTION_PROCESS, OPTION_PID};
    for (size_t i = 0; i < sizeof choosing / sizeof choosing[0] && options->path != NULL; i++) {
        if (!pando_cli_is_given(values, choosing[i]))
            continue;
        pando_cli_complain("%s chooses among the profiles of a receiver; a FILE is one already.", pando_cli_name_of(values, choosing[i]));
        return false;
    }
    return true;
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
    if (options->output.path != NULL)
        pando_progress_begin("writing %s", options->output.path);
    int error = options->output.kind == PANDO_OUTPUT_EXPORT ? select_slices(options, subject) : print_shown(out, options, subject);
    if (error == 0 && options->output.kind == PANDO_OUTPUT_EXPORT)
        error = pando_output_export(out, options->output.format, subject->profile, &about);
    if (error != 0 && error != PANDO_ERR_IO)
        pando_cli_complain("the report cannot be made: %s.", pando_error_text(error));
    pando_progress_end();
    bool is_written = pando_output_close(&options->output, out);
    return error == 0 && is_written ? PANDO_EXIT_OK : PANDO_EXIT_FAILED;
}

static int report(const struct options *options)
{
    struct pando_subject subject = {0};
    char message[2048] = "";
    int error = options->path != NULL
                    ? pando_subject_of_file(options->path, options->ns_per_count, &subject, message, sizeof message)
                    : pando_subject_of_group(&options->source, options->group, options->start_ms, options->end_ms, &subject, message,
                                             sizeof message);
    if (error != 0) {
        pando_cli_complain("%s", message);
        return PANDO_EXIT_FAILED;
    }
    int status = print(options, &subject);
    pando_profile_free(subject.profile);
    return status;
}

bool pando_report_write(const char *url, const char *group, uint64_t start_ms, const struct pando_output *output)
{
    static struct options options = {.end_ms = UINT64_MAX, .top = 20, .min_percent = 1.0};
    options.source.url = url;
    options.group = group;
    options.start_ms = start_ms;
    options.output = *output;
    return report(&options) == PANDO_EXIT_OK;
}

int pando_cli_report(int argc, char **argv)
{
    static struct options options = {.end_ms = UINT64_MAX};
    static struct pando_cli_values values;
    int first = pando_cli_parse(&pando_cli_report_syntax, argc, argv, &values);
    if (first < 0)
        return values.status;
    if (argc - first > 1) {
        pando_cli_complain("report takes one FILE, but got \"%s\" too; see pando help report.", argv[first + 1]);
        return PANDO_EXIT_USAGE;
    }
    options.path = first < argc ? argv[first] : NULL;
    if (!read_values(&values, &options))
        return PANDO_EXIT_USAGE;
    if (pando_cli_shows_config(&values))
        return PANDO_EXIT_OK;
    return settle_source(&values, &options) ? report(&options) : PANDO_EXIT_USAGE;
}
