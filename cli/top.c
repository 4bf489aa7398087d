/* Why: `pando top`: the hottest functions of the last seconds, again and again, in a plain terminal; one table when the output is none.
 * ANSI codes suffice: one table, redrawn in place; curses would be a library for what a dozen codes do.
 * Context: own process. Names come from outside: cli/terminal_text.h. */
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/control_client.h"
#include "cli/process_facts.h"
#include "cli/progress.h"
#include "cli/report_json.h"
#include "cli/shown.h"
#include "cli/source_options.h"
#include "cli/syntax_print.h"
#include "cli/terminal_text.h"
#include "cli/time_text.h"
#include "cli/top_table.h"
#include "profile/weights.h"

enum { ROWS_DEFAULT = 24, COLUMNS_DEFAULT = 80, LINES_AROUND = 4, LINE_BYTES = 1024, CONNECT_WAIT_MS = 12000, KEY_ESCAPE = 27 };

enum {
    OPTION_URL, OPTION_STORE, OPTION_GROUP, OPTION_SINCE, OPTION_INTERVAL, OPTION_SORT, OPTION_TOP, OPTION_ONCE, OPTION_SHOW_CONFIG,
    OPTION_JSON,
};

static const struct pando_cli_option table[] = {
    [OPTION_URL] = PANDO_CLI_URL_ROW,
    [OPTION_STORE] = PANDO_CLI_STORE_ROW("PANDO_TOP_STORE"),
    [OPTION_GROUP] = {"group", 'g', "NAME", "PANDO_TOP_GROUP", NULL, "profiling group (the only one, if not given)"},
    [OPTION_SINCE] = {"since", 0, "TIME", "PANDO_TOP_SINCE", "1m", "what the table is of: the last 90s, 10m, 2h"},
    [OPTION_INTERVAL] = {"interval", 0, "SECONDS", "PANDO_TOP_INTERVAL", "2", "how often it is looked again"},
    [OPTION_SORT] = {"sort", 0, "self|total|name", "PANDO_TOP_SORT", "self", "the first order; s, t and n change it"},
    [OPTION_TOP] = {"top", 0, "N", "PANDO_TOP_TOP", NULL, "lines (as many as the terminal has, or 20, if not given)"},
    [OPTION_ONCE] = {"once", '1', NULL, "PANDO_TOP_ONCE", NULL, "print one table and end, as when the output is no terminal"},
    [OPTION_SHOW_CONFIG] = PANDO_CLI_SHOW_CONFIG_ROW,
    [OPTION_JSON] = PANDO_CLI_JSON_ROW("print one table as JSON, as pando report does, and end"),
};

const struct pando_cli_syntax pando_cli_top_syntax = {
    .name = "top", .operands = "[PID]",
    .summary = "shows the hottest functions live in the terminal",
    .text = "Shows where the time of the last minute went, of a receiver (--url), its store (--store), or of where the Pando in process\n"
            "PID sends to. Keys: s, t, n sort by self, total, name; p pauses; q quits. Colours unless NO_COLOR is set.\n",
    .options = table, .option_count = sizeof table / sizeof table[0],
};

struct top {
    struct pando_cli_values values;
    struct pando_source source;
    char url[2048], group[PANDO_GROUP_BYTES], message[2048];
    uint64_t since_ms, interval_s, limit;
    char sort;               /* 's', 't', 'n' */
    bool is_live, is_json, has_colours, is_paused;
    unsigned rows, columns;
};

/* For qsort, which passes nothing on. */
static const struct pando_profile *sorted_profile;
static const struct pando_weights *sorted_weights;
static char sorted_by;

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    if (sorted_by == 'n')
        return strcmp(sorted_profile->strings[sorted_profile->frames[x].name], sorted_profile->strings[sorted_profile->frames[y].name]);
    const uint64_t *first = sorted_by == 't' ? sorted_weights->frame_total : sorted_weights->frame_self;
    const uint64_t *second = sorted_by == 't' ? sorted_weights->frame_self : sorted_weights->frame_total;
    if (first[x] != first[y])
        return first[x] < first[y] ? 1 : -1;
    return second[x] < second[y] ? 1 : second[x] > second[y] ? -1 : 0;
}

/* One line, no longer than the terminal is wide. */
static void print_line(const struct top *top, const char *text, const char *colour)
{
    bool is_coloured = top->has_colours && colour[0] != '\0';
    printf("%s%.*s%s%s\n", is_coloured ? colour : "", top->is_live ? (int)top->columns : INT_MAX, text, is_coloured ? "\033[0m" : "",
           top->is_live ? "\033[K" : "");
}

static void print_rows(const struct top *top, const struct pando_profile *profile, const struct pando_weights *weights)
{
    uint32_t *frames = malloc((size_t)profile->frame_count * sizeof *frames), count = 0;
    for (uint32_t i = 1; frames != NULL && i < profile->frame_count; i++) {
        if (weights->frame_total[i] != 0)
            frames[count++] = i;
    }
    sorted_profile = profile;
    sorted_weights = weights;
    sorted_by = top->sort;
    if (count != 0)
        qsort(frames, count, sizeof *frames, compare);
    for (uint32_t i = 0; i < count && i < top->limit; i++) {
        const struct pando_profile_frame *frame = &profile->frames[frames[i]];
        char name[LINE_BYTES / 2], object[LINE_BYTES / 4], line[LINE_BYTES];
        double self = pando_percent(weights->frame_self[frames[i]], weights->total);
        pando_terminal_text(profile->strings[frame->name], name, sizeof name);
        pando_terminal_text(profile->strings[frame->object], object, sizeof object);
        snprintf(line, sizeof line, "  %6.1f  %7.1f  %9.2f s  %s%s%s%s", self, pando_percent(weights->frame_total[frames[i]], weights->total),
                 (double)weights->frame_self[frames[i]] / 1e9, name, object[0] != '\0' ? "  (" : "", object, object[0] != '\0' ? ")" : "");
        print_line(top, line, self >= 20 ? "\033[31m" : self >= 5 ? "\033[33m" : "");
    }
    free(frames);
}

static void print_head(const struct top *top, const struct pando_shown *shown, const struct pando_weights *weights, uint64_t profiles)
{
    char line[LINE_BYTES];
    snprintf(line, sizeof line, "%s: %.2f s of %s in the last %s, %" PRIu64 " samples, %" PRIu64 " profiles%s", top->group,
             (double)weights->total / 1e9, pando_shown_clock(shown), top->values.text[OPTION_SINCE], shown->profile->meta.samples, profiles,
             top->is_paused ? " (paused)" : "");
    print_line(top, line, "\033[1m");
    snprintf(line, sizeof line, "  self %%  total %%  self time    function%s", top->is_live ? "   [s]elf [t]otal [n]ame [p]ause [q]uit" : "");
    print_line(top, line, "\033[7m");
}

/* False: nothing could be shown, `message` says why. */
static bool draw(struct top *top)
{
    struct pando_profile *profile;
    struct pando_shown shown;
    struct pando_weights weights;
    uint64_t profiles = 0, now_ms = pando_clock_wall_ns() / 1000000;
    if (pando_source_merge(&top->source, top->group, now_ms > top->since_ms ? now_ms - top->since_ms : 0, UINT64_MAX, &profile, &profiles,
                           top->message, sizeof top->message) != 0)
        return false;
    if (pando_shown_make(profile, NULL, PANDO_VIEW_DEFAULT, &shown) != 0) {
        snprintf(top->message, sizeof top->message, "there is no memory.");
        return false;
    }
    bool is_good = pando_weights_make(shown.profile, &weights) == 0;
    if (is_good && top->is_json) {
        is_good = pando_report_json_print(stdout, top->group, &shown, &weights, profiles, (uint32_t)top->limit) == 0;
    } else if (is_good) {
        print_head(top, &shown, &weights, profiles);
        print_rows(top, shown.profile, &weights);
    }
    pando_weights_release(&weights);
    pando_shown_release(&shown);
    return is_good;
}

static void measure(struct top *top)
{
    struct winsize size = {0};
    bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row != 0 && size.ws_col != 0;
    top->rows = is_known ? size.ws_row : ROWS_DEFAULT;
    top->columns = is_known ? size.ws_col : COLUMNS_DEFAULT;
    if (top->values.text[OPTION_TOP] == NULL)
        top->limit = top->rows > LINES_AROUND ? top->rows - LINES_AROUND : 1;
}

/* One look; everything is written over the last, and what is left of that is cleared. */
static void redraw(struct top *top)
{
    measure(top);
    fputs("\033[H", stdout);
    if (!draw(top)) {
        char safe[LINE_BYTES];
        pando_terminal_text(top->message, safe, sizeof safe);
        print_line(top, safe, "");
    }
    fputs("\033[J", stdout);
    fflush(stdout);
}

static volatile sig_atomic_t is_over, has_resized;

static void on_signal(int number)
{
    if (number == SIGWINCH)
        has_resized = 1;
    else
        is_over = 1;
}

/* A key, or 0 when it is time to look again. */
static char wait_for_key(const struct top *top)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char key = 0;
    if (poll(&input, 1, (int)top->interval_s * 1000) > 0 && read(STDIN_FILENO, &key, 1) <= 0)
        is_over = 1;
    return key;
}

static int show_live(struct top *top)
{
    struct termios before, raw;
    const struct sigaction action = {.sa_handler = on_signal};
    bool has_keys = tcgetattr(STDIN_FILENO, &before) == 0;
    for (size_t i = 0; i < 4; i++)
        sigaction((const int[]){SIGINT, SIGTERM, SIGHUP, SIGWINCH}[i], &action, NULL);
    if (has_keys) {
        raw = before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    fputs("\033[?1049h\033[?25l\033[2J", stdout); /* a screen of its own, without cursor */
    while (!is_over) {
        if (!top->is_paused || has_resized) {
            has_resized = 0;
            redraw(top);
        }
        char key = wait_for_key(top);
        if (key == 'q' || key == KEY_ESCAPE)
            break;
        if (key == 's' || key == 't' || key == 'n') {
            top->sort = key;
            has_resized = 1;
        } else if (key == 'p') {
            top->is_paused = !top->is_paused;
            has_resized = 1;
        }
    }
    fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    if (has_keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
    return PANDO_EXIT_OK;
}

/* Where the agent of a process sends to. */
static bool ask_process(struct top *top, const char *text)
{
    struct pando_control_client client;
    static struct pando_control_answer answer;
    pid_t pid = pando_process_parse(text);
    if (pid == 0 || pando_control_connect(pid, CONNECT_WAIT_MS, &client, top->message, sizeof top->message) != 0) {
        if (pid != 0)
            pando_cli_complain("%s", top->message);
        return false;
    }
    int error = pando_control_order_send(&client, PANDO_CONTROL_STATUS, 0, CONNECT_WAIT_MS, &answer);
    pando_control_disconnect(&client);
    pando_control_value(&answer, "url", top->url, sizeof top->url);
    pando_control_value(&answer, "group", top->group, sizeof top->group);
    if (error == 0 && top->url[0] != '\0') {
        top->source = (struct pando_source){.url = top->url, .pid = (uint32_t)pid};
        return true;
    }
    pando_cli_complain("process %d does not tell where its profiles go.", pid);
    return false;
}

static bool read_values(struct top *top, int argc, char **argv, int first)
{
    static const char *const orders[] = {"self", "total", "name", NULL};
    const struct pando_cli_values *values = &top->values;
    top->limit = 20;
    if (!pando_cli_number_of(values, OPTION_INTERVAL, 1, 3600, &top->interval_s) ||
        !pando_cli_number_of(values, OPTION_TOP, 1, PANDO_TOP_TABLE_MAX, &top->limit) || !pando_cli_word_of(values, OPTION_SORT, orders))
        return false;
    if (!pando_time_span(values->text[OPTION_SINCE], &top->since_ms)) {
        pando_cli_complain("%s takes a number and s, m, h or d, not \"%s\".", pando_cli_name_of(values, OPTION_SINCE), values->text[OPTION_SINCE]);
        return false;
    }
    top->sort = values->text[OPTION_SORT][0];
    if (!pando_source_read_options(values, OPTION_URL, OPTION_STORE, first < argc ? argv[first] : NULL, &top->source))
        return false;
    snprintf(top->group, sizeof top->group, "%s", values->text[OPTION_GROUP] != NULL ? values->text[OPTION_GROUP] : "");
    return true;
}

/* Where to look, and at which group. An exit status. */
static int settle_source(struct top *top, int argc, char **argv, int first)
{
    if (argc - first == 1)
        return ask_process(top, argv[first]) ? PANDO_EXIT_OK : PANDO_EXIT_FAILED;
    if (argc != first || (top->source.url == NULL && top->source.store_path == NULL)) {
        pando_cli_complain("top needs one of --url, --store and a PID; see pando help top.");
        return PANDO_EXIT_USAGE;
    }
    if (top->group[0] != '\0' || pando_source_only_group(&top->source, top->group, sizeof top->group, top->message, sizeof top->message) == 0)
        return PANDO_EXIT_OK;
    pando_cli_complain("%s", top->message);
    return PANDO_EXIT_FAILED;
}

int pando_cli_top(int argc, char **argv)
{
    static struct top top;
    int first = pando_cli_parse(&pando_cli_top_syntax, argc, argv, &top.values);
    if (first < 0)
        return top.values.status;
    if (!read_values(&top, argc, argv, first))
        return PANDO_EXIT_USAGE;
    if (pando_cli_shows_config(&top.values))
        return PANDO_EXIT_OK;
    int status = settle_source(&top, argc, argv, first);
    if (status != PANDO_EXIT_OK)
        return status;
    const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
    bool is_terminal = isatty(STDOUT_FILENO) && terminal != NULL && strcmp(terminal, "dumb") != 0;
    top.is_json = pando_cli_is_on(&top.values, OPTION_JSON);
    top.is_live = is_terminal && !top.is_json && !pando_cli_is_on(&top.values, OPTION_ONCE);
    top.has_colours = is_terminal && (no_colour == NULL || no_colour[0] == '\0');
    if (top.is_live) {
        pando_progress_forbid();
        return show_live(&top);
    }
    if (draw(&top))
        return PANDO_EXIT_OK;
    pando_cli_complain("%s", top.message);
    return PANDO_EXIT_FAILED;
}
