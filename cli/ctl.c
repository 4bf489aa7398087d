/* Why: `pando ctl`: orders to the agent in a process that runs. docs/control.md.
 * Context: own process. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/control_client.h"
#include "cli/process_facts.h"
#include "cli/syntax_print.h"
#include "cli/terminal_text.h"

enum { OPTION_TIMEOUT, OPTION_SHOW_CONFIG, OPTION_JSON };

static const struct pando_cli_option options[] = {
    [OPTION_TIMEOUT] = {"timeout", 0, "SECONDS", "PANDO_CTL_TIMEOUT_S", "5", "how long to wait for an agent that begins just now, and a\n"
                                                                            "delivery may take, 1 to 60"},
    [OPTION_SHOW_CONFIG] = PANDO_CLI_SHOW_CONFIG_ROW,
    [OPTION_JSON] = PANDO_CLI_JSON_ROW("answer as JSON"),
};

const struct pando_cli_syntax pando_cli_ctl_syntax = {
    .name = "ctl", .operands = "PID status|config|pause|resume|rate HZ|wall-rate HZ|flush|stop",
    .summary = "gives orders to Pando in a process that runs",
    .text = "Talks to the Pando that runs in process PID, as its user or root.\n"
            "  status   rate, mode, budget, counters, last delivery, last problem\n"
            "  config   its settings, and where each came from\n"
            "  pause    no timers and no wake-ups until resume; what was gathered is sent first\n"
            "  resume\n"
            "  rate HZ  samples a second of CPU time from now on, 1 to 4000\n"
            "  wall-rate HZ  looks a second at each thread, 1 to 1000; in mode wall or both\n"
            "  flush    ends the interval now, and waits until it is delivered\n"
            "  stop     the same, and ends profiling in this process\n",
    .options = options, .option_count = sizeof options / sizeof options[0],
};

static const struct verb {
    const char *name;
    enum pando_control_verb verb;
    const char *done;
} verbs[] = {
    {"status", PANDO_CONTROL_STATUS, NULL},
    {"config", PANDO_CONTROL_STATUS, NULL},
    {"pause", PANDO_CONTROL_PAUSE, "profiling pauses"},
    {"resume", PANDO_CONTROL_RESUME, "profiling goes on"},
    {"rate", PANDO_CONTROL_RATE, "the rate is changed"},
    {"wall-rate", PANDO_CONTROL_WALL_RATE, "the wall rate is changed"},
    {"flush", PANDO_CONTROL_FLUSH, "delivered"},
    {"stop", PANDO_CONTROL_STOP, "profiling has ended"},
};

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    }
    return NULL;
}

/* Calls `visit` for each line, whose name and value it gets as strings. */
static void for_each_line(const struct pando_control_answer *answer, void (*visit)(void *context, const char *name, const char *value),
                          void *context)
{
    char copy[sizeof answer->text];
    memcpy(copy, answer->text, sizeof copy);
    copy[sizeof copy - 1] = '\0';
    char *rest = copy, *line;
    while ((line = strsep(&rest, "\n")) != NULL) {
        char *value = strchr(line, ' ');
        if (value == NULL)
            continue;
        *value++ = '\0';
        visit(context, line, value);
    }
}

/* A whole number becomes one in the JSON, all else stays a text. */
static json_t *value_of(const char *text)
{
    char *end;
    json_int_t number = strtoll(text, &end, 10);
    bool is_number = text[0] >= '0' && text[0] <= '9' && *end == '\0';
    json_t *string = is_number ? NULL : json_string(text);
    return is_number ? json_integer(number) : string != NULL ? string : json_string("(not UTF-8)");
}

static void add_to_json(void *context, const char *name, const char *value)
{
    json_t *root = context;
    if (strncmp(name, "counter.", 8) == 0) {
        json_object_set_new(json_object_get(root, "counters"), name + 8, value_of(value));
    } else if (strncmp(name, "config.", 7) == 0) {
        const char *space = strchr(value, ' ');
        json_object_set_new(json_object_get(root, "config"), name + 7,
                            json_pack("{s:s#, s:o}", "from", value, space != NULL ? (int)(space - value) : 0, "value",
                                      value_of(space != NULL ? space + 1 : "")));
    } else {
        json_object_set_new(root, name, value_of(value));
    }
}

static void print_json(const struct pando_control_answer *answer)
{
    json_t *root = json_pack("{s:{}, s:{}}", "counters", "config");
    for_each_line(answer, add_to_json, root);
    json_dumpf(root, stdout, JSON_INDENT(1));
    putchar('\n');
    json_decref(root);
}

static void print_time(const char *label, const struct pando_control_answer *answer, const char *name, const char *none)
{
    char value[32], text[40];
    pando_control_value(answer, name, value, sizeof value);
    time_t seconds = (time_t)(strtoull(value, NULL, 10) / 1000);
    struct tm tm;
    if (seconds == 0) {
        printf("%-14s %s\n", label, none);
        return;
    }
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S%z", localtime_r(&seconds, &tm));
    printf("%-14s %s (%lld s ago)\n", label, text, (long long)(time(NULL) - seconds));
}

static void print_counter(void *context, const char *name, const char *value)
{
    (void)context;
    char safe[128];
    if (strncmp(name, "counter.", 8) != 0 || strcmp(value, "0") == 0)
        return;
    pando_terminal_text(name + 8, safe, sizeof safe);
    printf("  %-28s %s\n", safe, value);
}

static void print_status(const struct pando_control_answer *answer)
{
    static const char *const lines[][2] = {
        {"state", "state"}, {"group", "group"}, {"receiver", "url"}, {"mode", "mode"}, {"rate", "rateHz"}, {"rate now", "rateNowHz"},
        {"wall rate", "wallRateHz"}, {"interval", "intervalS"}, {"budget", "budgetPercent"}, {"threads", "threads"},
        {"deliveries", "deliveries"},
    };
    static const char *const units[] = {"", "", "", "", " Hz", " Hz (the budget may have lowered it)", " Hz", " s", " %", "", ""};
    char value[2304], safe[2304];
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        pando_control_value(answer, lines[i][1], value, sizeof value);
        pando_terminal_text(value, safe, sizeof safe);
        printf("%-14s %s%s\n", lines[i][0], safe[0] != '\0' ? safe : "-", safe[0] != '\0' ? units[i] : "");
    }
    pando_control_value(answer, "overheadCpuMs", value, sizeof value);
    double own_ms = strtod(value, NULL);
    pando_control_value(answer, "processCpuMs", value, sizeof value);
    double all_ms = strtod(value, NULL);
    printf("%-14s %.2f s of %.2f s CPU time (%.2f %%)\n", "own cost", own_ms / 1e3, all_ms / 1e3, all_ms > 0 ? own_ms / all_ms * 100 : 0);
    print_time("since", answer, "startMs", "-");
    print_time("last delivery", answer, "lastDeliveryMs", "none yet");
    pando_control_value(answer, "lastProblem", value, sizeof value);
    pando_terminal_text(value, safe, sizeof safe);
    printf("%-14s %s\n", "last problem", safe[0] != '\0' ? safe : "none");
    puts("counters that are not 0:");
    for_each_line(answer, print_counter, NULL);
}

static void print_setting(void *context, const char *name, const char *value)
{
    (void)context;
    char safe_name[64], safe[2304];
    if (strncmp(name, "config.", 7) != 0)
        return;
    const char *space = strchr(value, ' ');
    pando_terminal_text(name + 7, safe_name, sizeof safe_name);
    pando_terminal_text(space != NULL ? space + 1 : "", safe, sizeof safe);
    printf("%-24s %-32s %.*s\n", safe_name, safe[0] != '\0' ? safe : "-", (int)strcspn(value, " "), value);
}

static void print_answer(const struct verb *verb, const struct pando_control_answer *answer, bool as_json, pid_t pid)
{
    if (verb->done != NULL) {
        if (as_json)
            printf("{\"pid\": %d, \"order\": \"%s\", \"done\": true}\n", pid, verb->name);
        else
            printf("process %d: %s.\n", pid, verb->done);
    } else if (as_json) {
        print_json(answer);
    } else if (strcmp(verb->name, "config") == 0) {
        for_each_line(answer, print_setting, NULL);
    } else {
        print_status(answer);
    }
}

static void explain(pid_t pid, int error, const struct pando_control_answer *answer)
{
    char safe[PANDO_CONTROL_SENTENCE_BYTES];
    pando_terminal_text(answer->sentence, safe, sizeof safe);
    if (safe[0] != '\0')
        pando_cli_complain("process %d: %s", pid, safe);
    else if (error == PANDO_ERR_NOT_FOUND)
        pando_cli_complain("process %d, or Pando in it, has ended meanwhile.", pid);
    else if (error == PANDO_ERR_TIMEOUT)
        pando_cli_complain("process %d gave no answer; it may be stopped (SIGSTOP, a debugger).", pid);
    else
        pando_cli_complain("process %d: %s.", pid, pando_error_text(error));
}

int pando_cli_ctl(int argc, char **argv)
{
    struct pando_cli_values values;
    uint64_t timeout_s = 0, rate_hz = 0;
    int first = pando_cli_parse(&pando_cli_ctl_syntax, argc, argv, &values);
    if (first < 0)
        return values.status;
    if (!pando_cli_number_of(&values, OPTION_TIMEOUT, 1, 60, &timeout_s))
        return PANDO_EXIT_USAGE;
    if (pando_cli_shows_config(&values))
        return PANDO_EXIT_OK;
    const struct verb *verb = first + 1 < argc ? find_verb(argv[first + 1]) : NULL;
    bool is_wall = verb != NULL && verb->verb == PANDO_CONTROL_WALL_RATE, is_rate = is_wall || (verb != NULL && verb->verb == PANDO_CONTROL_RATE);
    if (verb == NULL || argc - first != 2 + is_rate) {
        pando_cli_complain("ctl needs a PID and one of status, config, pause, resume, rate HZ, wall-rate HZ, flush and stop; see pando help ctl.");
        return PANDO_EXIT_USAGE;
    }
    pid_t pid = pando_process_parse(argv[first]);
    if (pid == 0 || (is_rate && !pando_cli_number(is_wall ? "the wall rate" : "the rate", argv[first + 2], 1, is_wall ? 1000 : 4000, &rate_hz)))
        return PANDO_EXIT_USAGE;
    struct pando_control_client client;
    struct pando_control_answer answer;
    char message[512];
    uint32_t timeout_ms = (uint32_t)timeout_s * 1000;
    if (pando_control_connect(pid, timeout_ms, &client, message, sizeof message) != 0) {
        pando_cli_complain("%s", message);
        return PANDO_EXIT_FAILED;
    }
    int error = pando_control_order_send(&client, verb->verb, (uint32_t)rate_hz, timeout_ms, &answer);
    pando_control_disconnect(&client);
    if (error != 0)
        explain(pid, error, &answer);
    else
        print_answer(verb, &answer, pando_cli_is_on(&values, OPTION_JSON), pid);
    return error == 0 ? PANDO_EXIT_OK : PANDO_EXIT_FAILED;
}
