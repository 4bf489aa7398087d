/* Why: `pando run`: one command from a program to its profile. Starts a receiver in this process (or uses another one),
 * starts the program with libpando.so in it, waits, and prints what came.
 * Context: own process. Whatever the profiler does, the program's output and exit status are passed on as they are. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/agent_library.h"
#include "cli/child.h"
#include "cli/cli.h"
#include "cli/environment.h"
#include "cli/group_name.h"
#include "cli/own_receiver.h"
#include "cli/run_summary.h"
#include "cli/source.h"
#include "cli/top_table.h"
#include "receiver/receiver.h"

enum { HOST_BYTES = 256, URL_BYTES = HOST_BYTES + 32, RATE_MAX_HZ = 4000, INTERVAL_MAX_S = 3600 };

struct options {
    char group[PANDO_GROUP_BYTES];
    char host[HOST_BYTES];
    uint16_t port;
    const char *interval_s, *rate_hz, *mode;
    const char *store_path, *url, *log;
    uint64_t top;
    bool keep, listens;
    char **command;
};

static bool parse_option(int option, struct options *options)
{
    uint64_t number;
    switch (option) {
    case 'g':
        return pando_group_parse(optarg, options->group);
    case 'r':
        options->rate_hz = optarg;
        return pando_cli_number("--rate", optarg, 1, RATE_MAX_HZ, &number);
    case 'm':
        options->mode = optarg;
        if (strcmp(optarg, "cpu") == 0 || strcmp(optarg, "wall") == 0 || strcmp(optarg, "both") == 0)
            return true;
        pando_cli_complain("--mode is cpu, wall or both, not \"%s\".", optarg);
        return false;
    case 'i':
        options->interval_s = optarg;
        return pando_cli_number("--interval", optarg, 1, INTERVAL_MAX_S, &number);
    case 'l':
        options->listens = true;
        return pando_cli_listen_address(optarg, options->host, sizeof options->host, &options->port);
    case 's':
        options->store_path = optarg;
        return true;
    case 'u':
        options->url = optarg;
        return true;
    case 't':
        return pando_cli_number("--top", optarg, 0, PANDO_TOP_TABLE_MAX, &options->top);
    case 'L':
        options->log = optarg;
        return true;
    case 'k':
        options->keep = true;
        return true;
    default:
        return false;
    }
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option long_options[] = {
        {"group", required_argument, NULL, 'g'},  {"rate", required_argument, NULL, 'r'},
        {"interval", required_argument, NULL, 'i'}, {"listen", required_argument, NULL, 'l'},
        {"store", required_argument, NULL, 's'},  {"url", required_argument, NULL, 'u'},
        {"top", required_argument, NULL, 't'},    {"log", required_argument, NULL, 'L'},
        {"keep", no_argument, NULL, 'k'},         {"mode", required_argument, NULL, 'm'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = pando_cli_next_option(argc, argv, "+:", long_options)) != -1) {
        if (!parse_option(option, options))
            return false;
    }
    if (optind >= argc) {
        pando_cli_complain("run needs a command; see pando help run.");
        return false;
    }
    if (options->url != NULL && (options->listens || options->store_path != NULL || options->keep)) {
        pando_cli_complain("--url sends to another receiver: --listen, --store and --keep are for an own one.");
        return false;
    }
    options->command = argv + optind;
    if (options->group[0] == '\0')
        pando_group_of_program(options->command[0], options->group, sizeof options->group);
    return true;
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
    struct options options = {.host = "127.0.0.1", .interval_s = "3", .top = 10};
    char library[PATH_MAX], url[PATH_MAX];
    if (!parse_options(argc, argv, &options))
        return PANDO_EXIT_USAGE;
    if (!pando_agent_library_find(library, sizeof library))
        return PANDO_EXIT_FAILED;

    struct pando_child_signals signals;
    pando_child_prepare(&signals); /* before the receiver's threads */
    uint64_t start_ms = pando_clock_wall_ns() / 1000000;
    struct pando_receiver *receiver;
    const struct pando_own_receiver_options own = {.host = options.host, .port = options.port, .store_path = options.store_path,
                                                   .other_url = options.url};
    if (pando_own_receiver_start(&own, &receiver, url, sizeof url) != 0)
        return PANDO_EXIT_FAILED;
    const struct pando_environment_settings settings = {
        .library = library, .url = url, .group = options.group, .interval_s = options.interval_s,
        .rate_hz = options.rate_hz, .mode = options.mode, .log = options.log};
    char **environment = pando_environment_make(environ, &settings);
    int status = PANDO_EXIT_FAILED;
    if (environment == NULL) {
        pando_cli_complain("there is no memory.");
    } else {
        fprintf(stderr, receiver != NULL ? "pando: the call tree of group %s is at %s/\n"
                                         : "pando: profiles of group %s go to %s\n", options.group, url);
        bool started;
        status = run_command(&options, &signals, environment, &started);
        if (started) {
            const struct pando_run_summary summary = {.url = url, .group = options.group, .start_ms = start_ms,
                                                      .top = (uint32_t)options.top, .command = options.command[0]};
            pando_run_summary_print(&summary);
        }
        if (started && options.keep) {
            fprintf(stderr, "pando: the call tree stays at %s/ until Ctrl-C.\n", url);
            pando_child_wait_for_stop(&signals);
        }
    }
    pando_environment_free(environment);
    if (receiver != NULL)
        pando_receiver_stop(receiver);
    return status;
}
