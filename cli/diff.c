/* Why: `pando diff A B`: what changed from one profile to another, and an exit status for whoever builds.
 * Context: own process. Exit: 0 no condition is met, 1 one is, 2 it could not be compared (usage, files, receiver). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/diff_print.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/shown.h"
#include "cli/source_options.h"
#include "cli/subject.h"
#include "cli/syntax_print.h"
#include "cli/time_text.h"

enum { EXIT_FINE = 0, EXIT_MET = 1, EXIT_NOT_COMPARED = 2, OPERAND_BYTES = 1024 };
#define UNKNOWN_NS_PER_SAMPLE 1e7 /* who counts time and not samples is taken for one of 100 a second */

struct options {
    struct pando_source source;
    const char *operands[2];
    uint64_t top, ns_per_count;
    unsigned view;
    struct pando_slice_wish slices;
    struct pando_output output;
    bool is_markdown;
    uint32_t condition_count;
    struct pando_condition conditions[PANDO_CONDITIONS_MAX];
};

enum {
    OPTION_FAIL_IF, OPTION_URL, OPTION_STORE, OPTION_STATE, OPTION_THREAD, OPTION_LABEL, OPTION_TOP, OPTION_FORMAT, OPTION_OUTPUT,
    OPTION_UNIT, OPTION_SHOW_CONFIG, OPTION_JSON,
};

static const struct pando_cli_option table[] = {
    [OPTION_FAIL_IF] = {"fail-if", 0, "CONDITION", "PANDO_DIFF_FAIL_IF", NULL, "FUNCTION:self or FUNCTION:total, then >+5% (grew by more than 5 % of\n"
                        "what it was), >+5pp (by 5 percentage points), >20% (has more than\n20 %), or the like with <; FUNCTION is a name, "
                        "/REGEX/ or * (any);\none condition that is met is enough", true},
    [OPTION_URL] = PANDO_CLI_URL_ROW,
    [OPTION_STORE] = PANDO_CLI_STORE_ROW("PANDO_DIFF_STORE"),
    [OPTION_STATE] = PANDO_SHOWN_STATE_ROW("PANDO_DIFF_STATE"),
    [OPTION_THREAD] = PANDO_SHOWN_THREAD_ROW("PANDO_DIFF_THREAD"),
    [OPTION_LABEL] = PANDO_SHOWN_LABEL_ROW("PANDO_DIFF_LABEL"),
    [OPTION_TOP] = {"top", 0, "N", "PANDO_DIFF_TOP", "30", "functions that are listed; JSON has all", false},
    [OPTION_FORMAT] = {"format", 'f', "text|json|markdown", "PANDO_DIFF_FORMAT", NULL, "text, if not given", false},
    [OPTION_OUTPUT] = {"output", 'o', "FILE", "PANDO_DIFF_OUTPUT", NULL, "write to FILE; its name tells the format: .md, .json, .txt", false},
    [OPTION_UNIT] = PANDO_INPUT_UNIT_ROW("PANDO_DIFF_UNIT"),
    [OPTION_SHOW_CONFIG] = PANDO_CLI_SHOW_CONFIG_ROW,
    [OPTION_JSON] = PANDO_CLI_JSON_ROW("the same as --format json"),
};

const struct pando_cli_syntax pando_cli_diff_syntax = {
    .name = "diff", .operands = "A B",
    .summary = "tells what changed between two profiles; stops a build that got slower",
    .text = "Compares two profiles, function by function, in percent of each one's whole. A change within the noise of sampling\n"
            "(three sigma) is none. A and B are files as pando report reads them; with --url or --store each is GROUP or\n"
            "GROUP@FROM..TO, where FROM and TO are 2026-01-31T12:00:00Z, milliseconds since 1970, -2h (that long ago) or nothing.\n"
            "Exit status: 0 no --fail-if condition is met, 1 one is, 2 the profiles could not be compared.\n",
    .options = table, .option_count = sizeof table / sizeof table[0],
};

static bool is_file(const char *operand)
{
    return strcmp(operand, "-") == 0 || access(operand, F_OK) == 0;
}

static bool take_condition(void *context, const char *name, const char *text)
{
    struct options *options = context;
    if (options->condition_count == PANDO_CONDITIONS_MAX) {
        pando_cli_complain("%s can be given %d times at most.", name, (int)PANDO_CONDITIONS_MAX);
        return false;
    }
    return pando_condition_parse(name, text, &options->conditions[options->condition_count++]);
}

/* The format is markdown, too, here, and none that is not read again. */
static bool settle_output(const struct pando_cli_values *values, struct options *options)
{
    static const char *const formats[] = {"text", "json", "markdown", NULL};
    const char *format = pando_cli_format_of(values, OPTION_FORMAT, OPTION_OUTPUT, OPTION_JSON);
    struct pando_output *output = &options->output;
    if (!pando_cli_word_of(values, OPTION_FORMAT, formats))
        return false;
    if (format != NULL && strcmp(format, "json") == 0)
        pando_progress_forbid();
    output->path = values->text[OPTION_OUTPUT];
    size_t len = output->path != NULL ? strlen(output->path) : 0;
    options->is_markdown = format != NULL ? strcmp(format, "markdown") == 0 : len > 3 && strcmp(output->path + len - 3, ".md") == 0;
    output->has_format = format != NULL || options->is_markdown;
    output->kind = format != NULL && strcmp(format, "json") == 0 ? PANDO_OUTPUT_JSON : PANDO_OUTPUT_TEXT;
    if (!pando_output_settle(output))
        return false;
    if (output->kind != PANDO_OUTPUT_EXPORT && output->kind != PANDO_OUTPUT_HTML)
        return true;
    pando_cli_complain("a difference can be written as .txt, .json or .md, not as \"%s\".", output->path);
    return false;
}

static bool read_values(const struct pando_cli_values *values, bool has_files, struct options *options)
{
    if (!pando_source_read_options(values, OPTION_URL, OPTION_STORE, NULL, &options->source) ||
        !pando_shown_read_options(values, OPTION_STATE, OPTION_THREAD, OPTION_LABEL, &options->view, &options->slices) ||
        !pando_cli_number_of(values, OPTION_TOP, 0, 1000000, &options->top) ||
        !pando_input_read_unit(values, OPTION_UNIT, &options->ns_per_count) ||
        !pando_cli_each(values, OPTION_FAIL_IF, take_condition, options))
        return false;
    if (has_files && !pando_cli_is_given(values, OPTION_URL) && !pando_cli_is_given(values, OPTION_STORE))
        options->source = (struct pando_source){0};
    return settle_output(values, options);
}

/* "" is none, "-2h" is that long ago. */
static bool parse_time(const char *text, uint64_t fallback_ms, uint64_t *ret_ms)
{
    uint64_t span_ms, now_ms = pando_clock_wall_ns() / 1000000;
    *ret_ms = fallback_ms;
    if (text[0] == '\0')
        return true;
    if (text[0] != '-')
        return pando_time_point(text, ret_ms);
    if (!pando_time_span(text + 1, &span_ms))
        return false;
    *ret_ms = span_ms < now_ms ? now_ms - span_ms : 0;
    return true;
}

/* "GROUP", "GROUP@FROM..TO"; GROUP "" is the only one. */
static int read_group(const struct options *options, const char *operand, struct pando_subject *subject, char *message, size_t message_bytes)
{
    char copy[OPERAND_BYTES];
    uint64_t start_ms = 0, end_ms = UINT64_MAX;
    snprintf(copy, sizeof copy, "%s", operand);
    char *at = strchr(copy, '@'), *dots = at != NULL ? strstr(at, "..") : NULL;
    if (dots != NULL)
        *dots = '\0';
    if (at != NULL)
        *at = '\0';
    if (at != NULL && (dots == NULL || !parse_time(at + 1, 0, &start_ms) || !parse_time(dots + 2, UINT64_MAX, &end_ms))) {
        snprintf(message, message_bytes, "\"%.300s\" is not GROUP@FROM..TO, where FROM and TO are 2026-01-31T12:00:00Z, milliseconds since "
                 "1970, -90s, -2h (that long ago), or nothing.", operand);
        return PANDO_ERR_INVALID;
    }
    int error = pando_subject_of_group(&options->source, copy[0] != '\0' ? copy : NULL, start_ms, end_ms, subject, message, message_bytes);
    if (error == 0)
        snprintf(subject->title, sizeof subject->title, "%.200s", operand);
    return error;
}

static int read_side(const struct options *options, const char *operand, struct pando_subject *subject, char *message, size_t message_bytes)
{
    if (options->source.url != NULL || options->source.store_path != NULL)
        return read_group(options, operand, subject, message, message_bytes);
    if (!pando_input_is_store(operand))
        return pando_subject_of_file(operand, options->ns_per_count, subject, message, message_bytes);
    const struct pando_source store = {.store_path = operand};
    return pando_subject_of_group(&store, NULL, 0, UINT64_MAX, subject, message, message_bytes);
}

static int print(const struct options *options, const struct pando_diff *diff, bool *ret_is_met)
{
    FILE *out = pando_output_open(&options->output);
    if (out == NULL)
        return PANDO_ERR_IO;
    int error = options->is_markdown                              ? pando_diff_print_markdown(out, diff, ret_is_met)
                : options->output.kind == PANDO_OUTPUT_JSON ? pando_diff_print_json(out, diff, ret_is_met)
                                                                  : pando_diff_print_text(out, diff, ret_is_met);
    return pando_output_close(&options->output, out) ? error : PANDO_ERR_IO;
}

static int compare(struct options *options, const struct pando_subject subjects[2], const struct pando_shown shown[2])
{
    if (strcmp(pando_shown_clock(&shown[0]), pando_shown_clock(&shown[1])) != 0) {
        pando_cli_complain("A has %s and B has %s: these are not the same; choose with --state.", pando_shown_clock(&shown[0]),
                           pando_shown_clock(&shown[1]));
        return EXIT_NOT_COMPARED;
    }
    struct pando_diff diff = {.about = {.title_a = subjects[0].title, .title_b = subjects[1].title,
                                        .clock = pando_shown_clock(&shown[0]), .top = (uint32_t)options->top},
                              .conditions = options->conditions, .condition_count = options->condition_count};
    struct pando_compare_side sides[2];
    for (int i = 0; i < 2; i++)
        sides[i] = (struct pando_compare_side){
            .profile = shown[i].profile,
            .ns_per_sample = subjects[i].ns_per_sample > 0 ? subjects[i].ns_per_sample : UNKNOWN_NS_PER_SAMPLE};
    bool is_met = false;
    pando_progress_begin("comparing");
    int error = pando_compare_make(&sides[0], &sides[1], &diff.compare);
    pando_progress_end();
    if (error == 0)
        error = print(options, &diff, &is_met);
    if (error != 0 && error != PANDO_ERR_IO)
        pando_cli_complain("there is no memory.");
    pando_compare_release(&diff.compare);
    return error != 0 ? EXIT_NOT_COMPARED : is_met ? EXIT_MET : EXIT_FINE;
}

static int run(struct options *options)
{
    struct pando_subject subjects[2] = {0};
    struct pando_shown shown[2] = {0};
    char message[2048] = "";
    int error = 0, status = EXIT_NOT_COMPARED;
    for (int i = 0; i < 2 && error == 0; i++) {
        error = read_side(options, options->operands[i], &subjects[i], message, sizeof message);
        if (error == 0 && (error = pando_shown_make(subjects[i].profile, &options->slices, options->view, &shown[i])) != 0)
            snprintf(message, sizeof message, "there is no memory.");
    }
    if (error != 0)
        pando_cli_complain("%s", message);
    else
        status = compare(options, subjects, shown);
    for (int i = 0; i < 2; i++)
        pando_shown_release(&shown[i]);
    return status;
}

int pando_cli_diff(int argc, char **argv)
{
    static struct pando_cli_values values;
    static struct options options;
    int first = pando_cli_parse(&pando_cli_diff_syntax, argc, argv, &values);
    if (first < 0)
        return values.status;
    int status = EXIT_NOT_COMPARED;
    /* Files are meant, whatever variables say, where both are there. */
    bool has_files = argc - first == 2 && is_file(argv[first]) && is_file(argv[first + 1]);
    if (read_values(&values, has_files, &options)) {
        if (pando_cli_shows_config(&values)) {
            status = EXIT_FINE;
        } else if (argc - first != 2) {
            pando_cli_complain("diff takes two profiles, A and B, but got %d; see pando help diff.", argc - first);
        } else {
            options.operands[0] = argv[first];
            options.operands[1] = argv[first + 1];
            status = run(&options);
        }
    }
    for (uint32_t i = 0; i < options.condition_count; i++)
        pando_condition_release(&options.conditions[i]);
    return status;
}
