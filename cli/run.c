/* Why: `pando run`: one command from a program to its profile. Starts a receiver in this process (or uses another one),
 * starts the program with libpando.so in it, waits, and prints what came.
 * Context: own process. Whatever the profiler does, the program's output and exit status are passed on as they are. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/agent_library.h"
#include "cli/child.h"
#include "cli/cli.h"
#include "cli/environment.h"
#include "cli/group_name.h"
#include "cli/output.h"
#include "cli/own_receiver.h"
#include "cli/run_summary.h"
#include "cli/source.h"
#include "cli/syntax_print.h"
#include "cli/top_table.h"
#include "receiver/receiver.h"

enum { HOST_BYTES = 256, URL_BYTES = HOST_BYTES + 32, RATE_MAX_HZ = 4000, WALL_RATE_MAX_HZ = 1000, INTERVAL_MAX_S = 3600, DURATION_MAX_S = 1 << 30 };

enum {
    OPTION_GROUP, OPTION_RATE, OPTION_MODE, OPTION_WALL_RATE, OPTION_INTERVAL, OPTION_DURATION, OPTION_LISTEN, OPTION_OPEN, OPTION_STORE,
    OPTION_SAVE, OPTION_URL, OPTION_TOP, OPTION_OUTPUT, OPTION_LOG, OPTION_KEEP, OPTION_SHOW_CONFIG, OPTION_JSON,
};

static const struct pando_cli_option table[] = {
    [OPTION_GROUP] = {"group", 'g', "NAME", "PANDO_GROUP", NULL, "profiling group (COMMAND's name, if not given)"},
    [OPTION_RATE] = {"rate", 'r', "HZ", "PANDO_RATE_HZ", NULL, "samples a second of CPU time, 1 to 4000 (100, if not given)"},
    [OPTION_MODE] = {"mode", 'm', "cpu|wall|both", "PANDO_MODE", NULL, "what is measured: CPU time (if not given), the time of all threads,\n"
                                                                     "running or not, or both"},
    [OPTION_WALL_RATE] = {"wall-rate", 0, "HZ", "PANDO_WALL_RATE_HZ", NULL, "looks a second at each thread for wall time, 1 to 1000 (20, if not\n"
                          "given)", false},
    [OPTION_INTERVAL] = {"interval", 0, "SECONDS", "PANDO_INTERVAL_S", "3", "how often a profile is sent"},
    [OPTION_DURATION] = {"duration", 'd', "SECONDS", "PANDO_DURATION_S", NULL, "profile so long only; COMMAND runs on"},
    [OPTION_LISTEN] = {"listen", 0, "HOST:PORT", "PANDO_LISTEN", NULL, "where the page is served (127.0.0.1 and a free port, if not given)"},
    [OPTION_OPEN] = {"open", 0, NULL, "PANDO_OPEN", NULL, "open the page in the browser (xdg-open)"},
    [OPTION_STORE] = {"store", 0, "FILE", "PANDO_STORE", NULL, "keep the profiles in this SQLite file (in memory only, if not given)"},
    [OPTION_SAVE] = {"save", 0, NULL, "PANDO_SAVE", NULL, "the same, in GROUP-TIME.sqlite in the current folder"},
    [OPTION_URL] = {"url", 'u', "URL", "PANDO_URL", NULL, "send to this receiver instead of an own one"},
    [OPTION_TOP] = {"top", 0, "N", "PANDO_TOP", "10", "lines of the table at the end; 0: none"},
    [OPTION_OUTPUT] = {"output", 'o', "FILE", "PANDO_OUTPUT", NULL, "write the profile at the end; the name tells the format, as for\n"
                                                                  "pando report -o"},
    [OPTION_LOG] = {"log", 0, "FILE", "PANDO_LOG", NULL, "where the profiler in COMMAND writes what it has to say"},
    [OPTION_KEEP] = {"keep", 'k', NULL, "PANDO_KEEP", NULL, "serve the page after COMMAND's end until Ctrl-C"},
    [OPTION_SHOW_CONFIG] = PANDO_CLI_SHOW_CONFIG_ROW,
    [OPTION_JSON] = PANDO_CLI_JSON_ROW("of --show-config: as JSON"),
};

const struct pando_cli_syntax pando_cli_run_syntax = {
    .name = "run", .operands = "[--] COMMAND [ARGUMENT...]",
    .summary = "runs a program under the profiler and prints where its CPU time went",
    .text = "Runs COMMAND with Pando in it, shows its call tree live in a browser, prints the hottest functions at its end,\n"
            "and ends with COMMAND's exit status (128 + signal number if a signal ended it).\n",
    .options = table, .option_count = sizeof table / sizeof table[0], .options_first = true,
};

struct options {
    struct pando_cli_values values;
    char group[PANDO_GROUP_BYTES];
    char host[HOST_BYTES];
    uint16_t port;
    char store_path[PATH_MAX];
    const char *url;           /* of another receiver */
    uint64_t top, duration_s;
    struct pando_output output;
    char **command;
};

static const char *text_of(const struct options *options, int option)
{
    return options->values.text[option];
}

/* An option for an own receiver is stronger than a variable with another one's address. */
static bool settle_receiver(struct options *options)
{
    static const int own[] = {OPTION_LISTEN, OPTION_STORE, OPTION_SAVE, OPTION_KEEP};
    options->url = text_of(options, OPTION_URL);
    for (size_t i = 0; i < sizeof own / sizeof own[0] && options->url != NULL; i++) {
        bool is_given = text_of(options, own[i]) != NULL && pando_cli_is_on(&options->values, (size_t)own[i]);
        if (is_given && options->values.origin[OPTION_URL] == PANDO_CLI_VARIABLE) {
            options->url = NULL;
        } else if (is_given && options->values.origin[own[i]] == PANDO_CLI_OPTION) {
            pando_cli_complain("--url sends to another receiver: --listen, --store, --save and --keep are for an own one.");
            return false;
        }
    }
    return true;
}

/* The name of the file for --save. */
static void name_store(struct options *options)
{
    const char *store = text_of(options, OPTION_STORE);
    time_t now = time(NULL);
    struct tm tm;
    char stamp[32] = "";
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", localtime_r(&now, &tm));
    if (store != NULL)
        snprintf(options->store_path, sizeof options->store_path, "%s", store);
    else if (pando_cli_is_on(&options->values, OPTION_SAVE))
        snprintf(options->store_path, sizeof options->store_path, "%s-%s.sqlite", options->group, stamp);
}

static bool read_values(struct options *options)
{
    static const char *const modes[] = {"cpu", "wall", "both", NULL};
    const struct pando_cli_values *values = &options->values;
    const char *group = text_of(options, OPTION_GROUP), *listen = text_of(options, OPTION_LISTEN);
    uint64_t number;
    if ((group != NULL && !pando_group_parse(group, options->group)) ||
        !pando_cli_number_of(values, OPTION_RATE, 1, RATE_MAX_HZ, &number) ||
        !pando_cli_number_of(values, OPTION_WALL_RATE, 1, WALL_RATE_MAX_HZ, &number) || !pando_cli_word_of(values, OPTION_MODE, modes) ||
        !pando_cli_number_of(values, OPTION_INTERVAL, 1, INTERVAL_MAX_S, &number) ||
        !pando_cli_number_of(values, OPTION_DURATION, 1, DURATION_MAX_S, &options->duration_s) ||
        !pando_cli_number_of(values, OPTION_TOP, 0, PANDO_TOP_TABLE_MAX, &options->top) ||
        (listen != NULL && !pando_cli_listen_address(pando_cli_name_of(values, OPTION_LISTEN), listen, options->host, sizeof options->host, &options->port)))
        return false;
    options->output.path = text_of(options, OPTION_OUTPUT);
    return (options->output.path == NULL || pando_output_settle(&options->output)) && settle_receiver(options);
}

static bool settle_command(int argc, char **argv, int first, struct options *options)
{
    if (first >= argc) {
        pando_cli_complain("run needs a command; see pando help run.");
        return false;
    }
    options->command = argv + first;
    if (options->group[0] == '\0')
        pando_group_of_program(options->command[0], options->group, sizeof options->group);
    name_store(options);
    return true;
}

/* Whatever becomes of it: the page is there also without a browser. */
static void open_page(const char *url, const struct pando_child_signals *signals)
{
    char page[PATH_MAX + 1];
    snprintf(page, sizeof page, "%s/", url);
    char *const argv[] = {(char[]){"xdg-open"}, page, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    pid_t pid;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    for (int fd = 0; fd <= 2; fd++)
        posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
    posix_spawnattr_setsigmask(&attributes, &signals->original_mask);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
    if (posix_spawnp(&pid, argv[0], &actions, &attributes, argv, environ) != 0)
        pando_cli_complain("there is no xdg-open (Debian: xdg-utils) that would open %s.", page);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
}

static int exit_status_of_failure(const char *command, int reason)
{
    bool missing = reason == ENOENT;
    pando_cli_complain("%s: %s.", command, missing && strchr(command, '/') == NULL ? "command not found" : strerror(reason));
    return missing ? PANDO_EXIT_NOT_FOUND : PANDO_EXIT_NOT_EXECUTABLE;
}

/* Runs the command to its end; returns its exit status, or ours when it could not be started. */
static int run_command(const struct options *options, const struct pando_child_signals *signals, char **environment,
                       bool *ret_started)
{
    struct pando_child child = {0};
    *ret_started = pando_child_start(signals, options->command, environment, &child) == 0;
    if (!*ret_started)
        return exit_status_of_failure(options->command[0], child.failed_errno);
    int status = pando_child_wait(signals, &child);
    return WIFSIGNALED(status) ? PANDO_EXIT_SIGNALED + WTERMSIG(status) : WEXITSTATUS(status);
}

int pando_cli_run(int argc, char **argv)
{
    static struct options options = {.host = "127.0.0.1"};
    char library[PATH_MAX], url[PATH_MAX], end_ms[24] = "";
    int first = pando_cli_parse(&pando_cli_run_syntax, argc, argv, &options.values);
    if (first < 0)
        return options.values.status;
    if (!read_values(&options))
        return PANDO_EXIT_USAGE;
    if (pando_cli_shows_config(&options.values))
        return PANDO_EXIT_OK;
    if (!settle_command(argc, argv, first, &options))
        return PANDO_EXIT_USAGE;
    if (!pando_agent_library_find(library, sizeof library))
        return PANDO_EXIT_FAILED;

    struct pando_child_signals signals;
    pando_child_prepare(&signals); /* before the receiver's threads */
    uint64_t start_ms = pando_clock_wall_ns() / 1000000;
    struct pando_receiver *receiver;
    const struct pando_own_receiver_options own = {.host = options.host, .port = options.port,
                                                   .store_path = options.store_path[0] != '\0' ? options.store_path : NULL,
                                                   .other_url = options.url};
    if (pando_own_receiver_start(&own, &receiver, url, sizeof url) != 0)
        return PANDO_EXIT_FAILED;
    const struct pando_environment_settings settings = {
        .library = library, .url = url, .group = options.group, .interval_s = text_of(&options, OPTION_INTERVAL),
        .rate_hz = text_of(&options, OPTION_RATE), .mode = text_of(&options, OPTION_MODE),
        .wall_rate_hz = text_of(&options, OPTION_WALL_RATE), .log = text_of(&options, OPTION_LOG),
        .end_ms = options.duration_s != 0 ? end_ms : NULL};
    snprintf(end_ms, sizeof end_ms, "%" PRIu64, start_ms + options.duration_s * 1000);
    char **environment = pando_environment_make(environ, &settings);
    int status = PANDO_EXIT_FAILED;
    if (environment == NULL) {
        pando_cli_complain("there is no memory.");
    } else {
        fprintf(stderr, receiver != NULL ? "pando: the call tree of group %s is at %s/\n"
                                         : "pando: profiles of group %s go to %s\n", options.group, url);
        if (pando_cli_is_on(&options.values, OPTION_OPEN))
            open_page(url, &signals);
        bool started;
        status = run_command(&options, &signals, environment, &started);
        if (started) {
            const struct pando_run_summary summary = {.url = url, .group = options.group, .start_ms = start_ms,
                                                      .top = (uint32_t)options.top, .command = options.command[0]};
            pando_run_summary_print(&summary);
            pando_run_report_write(&summary, &options.output);
            if (options.store_path[0] != '\0')
                fprintf(stderr, "pando: the profiles are in %s (pando report --store, pando serve --store).\n", options.store_path);
        }
        if (started && receiver != NULL && pando_cli_is_on(&options.values, OPTION_KEEP)) {
            fprintf(stderr, "pando: the call tree stays at %s/ until Ctrl-C.\n", url);
            pando_child_wait_for_stop(&signals);
        }
    }
    pando_environment_free(environment);
    if (receiver != NULL)
        pando_receiver_stop(receiver);
    return status;
}
