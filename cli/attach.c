/* Why: `pando attach`: profiles a process that runs already, for a while. docs/attach.md.
 * Context: own process. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/agent_library.h"
#include "cli/attach_library.h"
#include "cli/attach_refuse.h"
#include "cli/cli.h"
#include "cli/control_client.h"
#include "cli/group_name.h"
#include "cli/inject.h"
#include "cli/output.h"
#include "cli/own_receiver.h"
#include "cli/process_facts.h"
#include "cli/progress.h"
#include "cli/run_summary.h"
#include "cli/source.h"
#include "cli/syntax_print.h"
#include "cli/target.h"
#include "cli/terminal_text.h"
#include "cli/top_table.h"

#define MS 1000000ull

enum { LEASE_S = 30, CONNECT_WAIT_MS = 15000, STOP_WAIT_MS = 5000, SENTENCE_BYTES = 1024 };

enum {
    OPTION_DURATION, OPTION_RATE, OPTION_MODE, OPTION_WALL_RATE, OPTION_INTERVAL, OPTION_GROUP, OPTION_LISTEN, OPTION_STORE, OPTION_URL, OPTION_TOP,
    OPTION_OUTPUT, OPTION_LOG, OPTION_TIMEOUT, OPTION_VERBOSE, OPTION_SHOW_CONFIG, OPTION_JSON,
};

static const struct pando_cli_option options[] = {
    [OPTION_DURATION] = {"duration", 'd', "SECONDS", "PANDO_DURATION_S", NULL, "how long (until Ctrl-C, or the process's end, if not given)"},
    [OPTION_RATE] = {"rate", 'r', "HZ", "PANDO_RATE_HZ", "100", "samples a second of CPU time, 1 to 4000"},
    [OPTION_MODE] = {"mode", 'm', "cpu|wall|both", "PANDO_MODE", "cpu", "CPU time, the time of all threads, running or not, or both"},
    [OPTION_WALL_RATE] = {"wall-rate", 0, "HZ", "PANDO_WALL_RATE_HZ", "20", "looks a second at each thread for wall time, 1 to 1000", false},
    [OPTION_INTERVAL] = {"interval", 0, "SECONDS", "PANDO_INTERVAL_S", "3", "how often a profile is sent"},
    [OPTION_GROUP] = {"group", 'g', "NAME", "PANDO_GROUP", NULL, "profiling group (the program's name, if not given)"},
    [OPTION_LISTEN] = {"listen", 0, "HOST:PORT", "PANDO_LISTEN", NULL, "where the page is served (127.0.0.1 and a free port, if not given)"},
    [OPTION_STORE] = {"store", 0, "FILE", "PANDO_STORE", NULL, "keep the profiles in this SQLite file"},
    [OPTION_URL] = {"url", 'u', "URL", "PANDO_URL", NULL, "send to this receiver instead of an own one"},
    [OPTION_TOP] = {"top", 0, "N", "PANDO_TOP", "10", "lines of the table at the end; 0: none"},
    [OPTION_OUTPUT] = {"output", 'o', "FILE", "PANDO_OUTPUT", NULL, "write the profile at the end; the name tells the format, as for\n"
                                                                  "pando report -o"},
    [OPTION_LOG] = {"log", 0, "FILE", "PANDO_LOG", NULL, "where the profiler in the process writes what it has to say"},
    [OPTION_TIMEOUT] = {"timeout", 0, "SECONDS", "PANDO_ATTACH_TIMEOUT_S", "10", "how long to look for a safe moment"},
    [OPTION_VERBOSE] = {"verbose", 'v', NULL, "PANDO_VERBOSE", NULL, "say how the process was entered"},
    [OPTION_SHOW_CONFIG] = PANDO_CLI_SHOW_CONFIG_ROW,
    [OPTION_JSON] = PANDO_CLI_JSON_ROW("of --show-config: as JSON"),
};

const struct pando_cli_syntax pando_cli_attach_syntax = {
    .name = "attach", .operands = "PID",
    .summary = "profiles a process that runs already",
    .text = "Starts profiling in process PID, shows its call tree live in a browser, and ends profiling there at Ctrl-C or after\n"
            "--duration; the process runs on. As its user where the kernel lets one trace one's own processes, else as root.\n",
    .options = options, .option_count = sizeof options / sizeof options[0],
};

struct attach {
    struct pando_cli_values values;
    struct pando_process_facts facts;
    uint64_t duration_s, rate_hz, wall_rate_hz, interval_s, top, timeout_s;
    char host[256], group[PANDO_GROUP_BYTES];
    uint16_t port;
    struct pando_output output;
    const char *url;             /* of another receiver; NULL: an own one */
    char message[SENTENCE_BYTES];
};

static bool read_values(struct attach *attach)
{
    static const char *const modes[] = {"cpu", "wall", "both", NULL};
    struct pando_cli_values *values = &attach->values;
    const char *listen = values->text[OPTION_LISTEN], *store = values->text[OPTION_STORE];
    strcpy(attach->host, "127.0.0.1");
    if (!pando_cli_number_of(values, OPTION_DURATION, 1, 1 << 30, &attach->duration_s) ||
        !pando_cli_number_of(values, OPTION_RATE, 1, 4000, &attach->rate_hz) || !pando_cli_word_of(values, OPTION_MODE, modes) ||
        !pando_cli_number_of(values, OPTION_WALL_RATE, 1, 1000, &attach->wall_rate_hz) ||
        !pando_cli_number_of(values, OPTION_INTERVAL, 1, 3600, &attach->interval_s) ||
        !pando_cli_number_of(values, OPTION_TOP, 0, PANDO_TOP_TABLE_MAX, &attach->top) ||
        !pando_cli_number_of(values, OPTION_TIMEOUT, 1, 3600, &attach->timeout_s) ||
        (listen != NULL && !pando_cli_listen_address(pando_cli_name_of(values, OPTION_LISTEN), listen, attach->host, sizeof attach->host, &attach->port)) ||
        (values->text[OPTION_GROUP] != NULL && !pando_group_parse(values->text[OPTION_GROUP], attach->group)))
        return false;
    attach->output.path = values->text[OPTION_OUTPUT];
    if (attach->output.path != NULL && !pando_output_settle(&attach->output))
        return false;
    attach->url = values->text[OPTION_URL];
    if (attach->url != NULL && values->origin[OPTION_URL] == PANDO_CLI_VARIABLE && (listen != NULL || store != NULL))
        attach->url = NULL; /* the options are stronger */
    if (attach->url != NULL && (listen != NULL || store != NULL)) {
        pando_cli_complain("--url sends to another receiver: --listen and --store are for an own one.");
        return false;
    }
    return true;
}

static bool copy_text(char *to, size_t bytes, const char *from, const char *what)
{
    if (from != NULL && strlen(from) >= bytes) {
        pando_cli_complain("%s is longer than %zu bytes.", what, bytes - 1);
        return false;
    }
    snprintf(to, bytes, "%s", from != NULL ? from : "");
    return true;
}

static bool fill_block(const struct attach *attach, const char *library, const char *url, struct pando_attach_block *block)
{
    char log[PATH_MAX] = "";
    const char *given = attach->values.text[OPTION_LOG];
    if (given != NULL && given[0] != '/' && getcwd(log, sizeof log) != NULL) { /* the process is in a folder of its own */
        size_t len = strlen(log);
        snprintf(log + len, sizeof log - len, "/%s", given);
        given = log;
    }
    *block = (struct pando_attach_block){.rate_hz = (uint32_t)attach->rate_hz, .interval_s = (uint32_t)attach->interval_s,
                                         .wall_rate_hz = (uint32_t)attach->wall_rate_hz, .lease_s = LEASE_S, .entry = PANDO_ATTACH_ENTRY};
    return copy_text(block->library, sizeof block->library, library, "the library's path") &&
           copy_text(block->url, sizeof block->url, url, "the URL") &&
           copy_text(block->group, sizeof block->group, attach->group, "the group") &&
           copy_text(block->mode, sizeof block->mode, attach->values.text[OPTION_MODE], "the mode") &&
           copy_text(block->log, sizeof block->log, given, "the log's path");
}

static bool find_library(struct attach *attach, const struct pando_target *target, struct pando_attach_library *library)
{
    char own[PATH_MAX];
    library->copies[0] = '\0';
    /* Opened before: another copy would be another Pando in the same process. */
    if (pando_target_find_object(target, "libpando.so", library->path, sizeof library->path))
        return true;
    if (!pando_agent_library_find(own, sizeof own))
        return false;
    if (pando_attach_library_place(&attach->facts, own, library, attach->message, sizeof attach->message))
        return true;
    pando_cli_complain("%s", attach->message);
    return false;
}

static bool enter(struct attach *attach, struct pando_target *target, const struct pando_attach_library *library, const char *url)
{
    struct pando_attach_block block;
    struct pando_inject_report report = {0};
    if (!fill_block(attach, library->path, url, &block))
        return false;
    uint64_t deadline = pando_clock_mono_ns() + attach->timeout_s * 1000 * MS;
    pando_progress_begin("waiting for a safe moment in process %d (%s)", attach->facts.pid, attach->facts.name);
    int error = pando_inject(target, attach->facts.pid, deadline, &block, &report, attach->message, sizeof attach->message);
    pando_progress_end();
    if (pando_cli_is_on(&attach->values, OPTION_VERBOSE))
        fprintf(stderr, "pando: threads were stopped %u times, for %.2f ms at most; by thread %d.\n", report.stops,
                (double)report.longest_stop_ns / 1e6, report.tid);
    if (error == 0 && block.error != 0) {
        char safe[PANDO_ATTACH_SENTENCE_BYTES];
        pando_terminal_text(block.sentence, safe, sizeof safe);
        snprintf(attach->message, sizeof attach->message, "process %d (%s): %s", attach->facts.pid, attach->facts.name, safe);
        error = block.error;
    }
    if (error != 0)
        pando_cli_complain("%s", attach->message);
    return error == 0;
}

/* Until it is time, somebody wants an end, or there is nothing left to profile: false then. */
static bool stay(struct attach *attach, struct pando_control_client *client, const sigset_t *stops)
{
    uint64_t end = pando_clock_mono_ns() + attach->duration_s * 1000 * MS;
    for (;;) {
        uint64_t now = pando_clock_mono_ns(), left = attach->duration_s == 0 || end - now > 1000 * MS ? 1000 * MS : end - now;
        if (attach->duration_s != 0 && now >= end)
            return true;
        const struct timespec step = {.tv_sec = (time_t)(left / (1000 * MS)), .tv_nsec = (long)(left % (1000 * MS))};
        if (sigtimedwait(stops, NULL, &step) > 0)
            return true;
        pando_control_send_beat(client);
        if (!pando_control_is_there(attach->facts.pid))
            return false;
    }
}

static int profile(struct attach *attach, const char *url, bool is_own, const sigset_t *stops)
{
    struct pando_control_client client;
    struct pando_control_answer answer;
    pid_t pid = attach->facts.pid;
    uint64_t deadline = pando_clock_mono_ns() + CONNECT_WAIT_MS * MS;
    pando_progress_begin("waiting for Pando in process %d (%s)", pid, attach->facts.name);
    int error; /* its thread may not have its name yet */
    while ((error = pando_control_connect(pid, CONNECT_WAIT_MS, &client, attach->message, sizeof attach->message)) == PANDO_ERR_NOT_FOUND &&
           kill(pid, 0) == 0 && pando_clock_mono_ns() < deadline)
        nanosleep(&(struct timespec){.tv_nsec = 20 * MS}, NULL);
    pando_progress_end();
    if (error != 0) {
        pando_cli_complain("%s It was started all the same, and stops by itself in %d s.", attach->message, LEASE_S);
        return PANDO_EXIT_FAILED;
    }
    fprintf(stderr, is_own ? "pando: process %d (%s): the call tree of group %s is at %s/\n"
                           : "pando: process %d (%s): profiles of group %s go to %s\n", pid, attach->facts.name, attach->group, url);
    char until[48] = "until Ctrl-C";
    if (attach->duration_s != 0)
        snprintf(until, sizeof until, "for %" PRIu64 " s", attach->duration_s);
    pando_progress_begin("profiling process %d (%s) %s", pid, attach->facts.name, until);
    bool is_there = stay(attach, &client, stops);
    pando_progress_end();
    if (!is_there) {
        fprintf(stderr, "pando: process %d has ended, or has become another program, or has stopped Pando.\n", pid);
    } else {
        pando_progress_begin("waiting for the last profile of process %d (%s)", pid, attach->facts.name);
        error = pando_control_order_send(&client, PANDO_CONTROL_STOP, 0, STOP_WAIT_MS, &answer);
        pando_progress_end();
        if (error != 0 && error != PANDO_ERR_NOT_FOUND)
            pando_cli_complain("profiling in process %d has not ended in order: %s.", pid, pando_error_text(error));
    }
    pando_control_disconnect(&client);
    return PANDO_EXIT_OK;
}

static int attach_to(struct attach *attach, struct pando_target *target, const sigset_t *stops)
{
    struct pando_receiver *receiver;
    struct pando_attach_library library;
    char url[PATH_MAX];
    uint64_t start_ms = pando_clock_wall_ns() / MS;
    const struct pando_own_receiver_options own = {.host = attach->host, .port = attach->port,
                                                   .store_path = attach->values.text[OPTION_STORE], .other_url = attach->url};
    if (!find_library(attach, target, &library))
        return PANDO_EXIT_FAILED;
    if (pando_own_receiver_start(&own, &receiver, url, sizeof url) != 0) {
        pando_attach_library_remove(&library);
        return PANDO_EXIT_FAILED;
    }
    int status = PANDO_EXIT_FAILED;
    if (enter(attach, target, &library, url)) {
        status = profile(attach, url, receiver != NULL, stops);
        const struct pando_run_summary summary = {.url = url, .group = attach->group, .start_ms = start_ms,
                                                  .top = (uint32_t)attach->top, .command = attach->facts.name};
        pando_run_summary_print(&summary);
        pando_run_report_write(&summary, &attach->output);
    }
    pando_attach_library_remove(&library);
    if (receiver != NULL)
        pando_receiver_stop(receiver);
    return status;
}

/* The group is called after the program's file, as the agent itself would: a thread may have changed the process's name. */
static void name_group(struct attach *attach)
{
    char path[64], program[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%d/exe", attach->facts.pid);
    ssize_t len = readlink(path, program, sizeof program - 1);
    program[len > 0 ? len : 0] = '\0';
    char *deleted = strstr(program, " (deleted)");
    if (deleted != NULL)
        *deleted = '\0';
    pando_group_of_program(len > 0 ? program : attach->facts.name, attach->group, sizeof attach->group);
}

int pando_cli_attach(int argc, char **argv)
{
    static struct attach attach;
    int first = pando_cli_parse(&pando_cli_attach_syntax, argc, argv, &attach.values);
    if (first < 0)
        return attach.values.status;
    if (!read_values(&attach))
        return PANDO_EXIT_USAGE;
    if (pando_cli_shows_config(&attach.values))
        return PANDO_EXIT_OK;
    if (argc - first != 1) {
        pando_cli_complain("attach needs one PID; see pando help attach.");
        return PANDO_EXIT_USAGE;
    }
    pid_t pid = pando_process_parse(argv[first]);
    if (pid == 0)
        return PANDO_EXIT_USAGE;
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &stops, NULL); /* for the receiver's threads, too */
    signal(SIGPIPE, SIG_IGN);
    if (!pando_process_facts_read(pid, &attach.facts, attach.message, sizeof attach.message) ||
        pando_attach_refuses(&attach.facts, attach.url == NULL, attach.message, sizeof attach.message)) {
        pando_cli_complain("%s", attach.message);
        return PANDO_EXIT_FAILED;
    }
    if (pando_control_is_there(pid)) {
        pando_cli_complain("Pando runs in process %d (%s) already: pando ctl %d status tells where its profiles go.", pid, attach.facts.name, pid);
        return PANDO_EXIT_FAILED;
    }
    if (attach.group[0] == '\0')
        name_group(&attach);
    struct pando_target *target = pando_target_open(pid, attach.message, sizeof attach.message);
    if (target == NULL || pando_attach_refuses_target(&attach.facts, target, attach.message, sizeof attach.message)) {
        pando_cli_complain("%s", attach.message);
        if (target != NULL)
            pando_target_close(target);
        return PANDO_EXIT_FAILED;
    }
    int status = attach_to(&attach, target, &stops);
    pando_target_close(target);
    return status;
}
