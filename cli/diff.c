/* Why: `pando diff A B`: what changed from one profile to another, and an exit status for whoever builds.
 * Context: own process. Exit: 0 no condition is met, 1 one is, 2 it could not be compared (usage, files, receiver). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/diff_print.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/shown.h"
#include "cli/subject.h"
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

static bool parse_option(int option, struct options *options)
{
    switch (option) {
    case 'u':
        options->source.url = optarg;
        return true;
    case 's':
        options->source.store_path = optarg;
        return true;
    case 'x':
        return pando_shown_view_option(optarg, &options->view);
    case 'T':
    case 'l':
        if (option == 'T' ? pando_slice_wish_thread(&options->slices, optarg) : pando_slice_wish_label(&options->slices, optarg))
            return true;
        pando_cli_complain("--%s can be given %d times at most, and a label is KEY:VALUE, not \"%s\".", option == 'T' ? "thread" : "label",
                           (int)PANDO_SLICE_WISHES_MAX, optarg);
        return false;
    case 't':
        return pando_cli_number("--top", optarg, 0, 1000000, &options->top);
    case 'U':
        return pando_input_unit(optarg, &options->ns_per_count);
    case 'o':
        options->output.path = optarg;
        return true;
    case 'f':
        options->output.has_format = true;
        options->is_markdown = strcmp(optarg, "markdown") == 0;
        options->output.kind = strcmp(optarg, "json") == 0 ? PANDO_OUTPUT_JSON : PANDO_OUTPUT_TEXT;
        if (options->is_markdown || options->output.kind == PANDO_OUTPUT_JSON || strcmp(optarg, "text") == 0)
            return true;
        pando_cli_complain("--format is text, json or markdown, not \"%s\".", optarg);
        return false;
    case 'F':
        if (options->condition_count == PANDO_CONDITIONS_MAX) {
            pando_cli_complain("--fail-if can be given %d times at most.", (int)PANDO_CONDITIONS_MAX);
            return false;
        }
        return pando_condition_parse(optarg, &options->conditions[options->condition_count++]);
    default:
        return false;
    }
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option long_options[] = {
        {"url", required_argument, NULL, 'u'},     {"store", required_argument, NULL, 's'},   {"state", required_argument, NULL, 'x'},
        {"thread", required_argument, NULL, 'T'},  {"label", required_argument, NULL, 'l'},   {"top", required_argument, NULL, 't'},
        {"unit", required_argument, NULL, 'U'},    {"output", required_argument, NULL, 'o'},  {"format", required_argument, NULL, 'f'},
        {"fail-if", required_argument, NULL, 'F'}, {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = pando_cli_next_option(argc, argv, ":o:", long_options)) != -1)
        if (!parse_option(option, options))
            return false;
    if (argc - optind != 2) {
        pando_cli_complain("diff takes two profiles, A and B, but got %d; see pando help diff.", argc - optind);
        return false;
    }
    if (options->source.url != NULL && options->source.store_path != NULL) {
        pando_cli_complain("diff takes one of --url and --store; see pando help diff.");
        return false;
    }
    options->operands[0] = argv[optind];
    options->operands[1] = argv[optind + 1];
    return true;
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
    int error = pando_compare_make(&sides[0], &sides[1], &diff.compare);
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
    struct options *options = calloc(1, sizeof *options);
    int status = EXIT_NOT_COMPARED;
    if (options == NULL) {
        pando_cli_complain("there is no memory.");
        return status;
    }
    options->top = 30;
    if (parse_options(argc, argv, options)) {
        const char *path = options->output.path;
        size_t len = path != NULL ? strlen(path) : 0;
        options->is_markdown = options->is_markdown || (!options->output.has_format && len > 3 && strcmp(path + len - 3, ".md") == 0);
        bool is_settled = options->is_markdown || pando_output_settle(&options->output);
        if (is_settled && (options->output.kind == PANDO_OUTPUT_EXPORT || options->output.kind == PANDO_OUTPUT_HTML))
            pando_cli_complain("a difference can be written as .txt, .json or .md, not as \"%s\".", path);
        else if (is_settled)
            status = run(options);
    }
    for (uint32_t i = 0; i < options->condition_count; i++)
        pando_condition_release(&options->conditions[i]);
    free(options);
    return status;
}
