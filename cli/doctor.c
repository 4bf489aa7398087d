/* Why: `pando doctor`: says before, or after, somebody wonders: can this be profiled, and will its functions have names.
 * Context: own process. Looks only: nothing is stopped, opened in, or written to the process. docs/doctor.md. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/environment.h"
#include "cli/attach_refuse.h"
#include "cli/cli.h"
#include "cli/control_client.h"
#include "cli/doctor.h"
#include "cli/process_facts.h"
#include "cli/syntax_print.h"
#include "cli/target_check.h"

enum { OPTION_URL, OPTION_SHOW_CONFIG, OPTION_JSON };
enum { SENTENCE_BYTES = 1024 };

static const struct pando_cli_option table[] = {
    [OPTION_URL] = {"url", 'u', "URL", "PANDO_URL", NULL, "ask this receiver, instead of the one that PANDO_URL names there"},
    [OPTION_SHOW_CONFIG] = PANDO_CLI_SHOW_CONFIG_ROW,
    [OPTION_JSON] = PANDO_CLI_JSON_ROW("the same facts as JSON"),
};

const struct pando_cli_syntax pando_cli_doctor_syntax = {
    .name = "doctor", .operands = "PID | COMMAND [ARGUMENT...]",
    .summary = "says whether a process or program can be profiled, and what would be missing",
    .text = "Looks at a process, or at the program that COMMAND means (which is not run), and says in a line each what is well (ok),\n"
            "what could be better (note), what stands in the way (problem), and what to do. Its environment, or this one's, tells the\n"
            "settings, and which receiver is asked whether it answers. Secrets are not shown.\n"
            "Ends with 0 when nothing stands in the way, 1 when something does.\n",
    .options = table, .option_count = sizeof table / sizeof table[0], .options_first = true,
};

static bool says_program(struct pando_doctor *doctor, enum pando_target_kind kind, const char *path)
{
    const char *reason = pando_target_reason(kind);
    if (reason != NULL)
        pando_doctor_say(doctor, PANDO_DOCTOR_PROBLEM, "program", "%s %s.", path, reason);
    else if (kind == PANDO_TARGET_UNKNOWN)
        pando_doctor_say(doctor, PANDO_DOCTOR_NOTE, "program", "%s is no ELF program that can be read: whether Pando reaches it cannot be "
                         "told; ask about its interpreter.", path);
    else
        pando_doctor_say(doctor, PANDO_DOCTOR_OK, "program", "%s is a dynamic x86-64 program of glibc.", path);
    return reason == NULL;
}

/* Whether `pando attach` could open Pando in it now. */
static void say_attach(struct pando_doctor *doctor, const struct pando_process_facts *facts)
{
    char path[64], message[SENTENCE_BYTES];
    snprintf(path, sizeof path, "/proc/%d/mem", facts->pid);
    int fd = open(path, O_RDWR | O_CLOEXEC); /* the right that ptrace needs */
    if (fd < 0)
        pando_process_explain_refusal(facts, true, message, sizeof message);
    else
        close(fd);
    if (fd < 0 || pando_attach_refuses(facts, false, message, sizeof message))
        pando_doctor_say(doctor, PANDO_DOCTOR_PROBLEM, "attach", "%s", message);
    else
        pando_doctor_say(doctor, PANDO_DOCTOR_OK, "attach", "you may attach: pando attach %d.", facts->pid);
    if (!pando_process_same_namespace(facts->pid, "net"))
        pando_doctor_say(doctor, PANDO_DOCTOR_NOTE, "attach", "it is in another network namespace (a container): give pando attach --url of "
                         "a receiver that it reaches.");
}

static bool has_library(const char *maps)
{
    const char *found = maps != NULL ? strstr(maps, "/libpando.so") : NULL;
    return found != NULL;
}

/* True: Pando is at work in it. */
static bool say_pando(struct pando_doctor *doctor, pid_t pid)
{
    char path[64];
    size_t len;
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    char *maps = pando_doctor_read_file(path, &len);
    bool is_mapped = has_library(maps), is_there = pando_control_is_there(pid);
    free(maps);
    if (is_there)
        pando_doctor_say(doctor, PANDO_DOCTOR_OK, "pando", "Pando runs in it already: pando ctl %d status.", pid);
    else if (is_mapped)
        pando_doctor_say(doctor, PANDO_DOCTOR_NOTE, "pando", "libpando.so is in it, but does nothing: it was not asked to (PANDO_URL), has "
                         "ended, or was refused a value (PANDO_LOG tells).");
    else
        pando_doctor_say(doctor, PANDO_DOCTOR_OK, "pando", "Pando is not in it yet.");
    return is_there;
}

static void examine_environment(struct pando_doctor *doctor, const char *environment, const char *url)
{
    pando_doctor_settings(doctor, environment);
    pando_doctor_endpoint(doctor, environment, url);
}

static void examine_environment_of(struct pando_doctor *doctor, pid_t pid, bool has_pando, const char *url)
{
    char path[64];
    size_t len;
    snprintf(path, sizeof path, "/proc/%d/environ", pid);
    char *environment = pando_doctor_read_file(path, &len);
    if (has_pando)
        pando_doctor_say(doctor, PANDO_DOCTOR_OK, "settings", "what its environment says follows; what is in force: pando ctl %d config.", pid);
    else
        pando_doctor_say(doctor, PANDO_DOCTOR_OK, "settings", "what its environment says follows; pando attach has options instead.");
    if (environment != NULL)
        examine_environment(doctor, environment, url);
    else
        pando_doctor_say(doctor, PANDO_DOCTOR_NOTE, "settings", "/proc/%d/environ cannot be read.", pid);
    if (environment != NULL)
        explicit_bzero(environment, len);
    free(environment);
}

static void examine_process(struct pando_doctor *doctor, pid_t pid, const char *url)
{
    struct pando_process_facts facts;
    char path[64], program[PATH_MAX], message[SENTENCE_BYTES];
    if (!pando_process_facts_read(pid, &facts, message, sizeof message)) {
        pando_doctor_say(doctor, PANDO_DOCTOR_PROBLEM, "process", "%s", message);
        return;
    }
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    if (facts.is_kernel_thread || facts.state == 'Z' || access(path, R_OK) != 0) {
        if (facts.is_kernel_thread || facts.state == 'Z')
            snprintf(message, sizeof message, "process %d (%s) %s.", pid, facts.name,
                     facts.state == 'Z' ? "has ended, and waits for its parent (a zombie)" : "is a thread of the kernel");
        else
            pando_process_explain_refusal(&facts, false, message, sizeof message);
        pando_doctor_say(doctor, PANDO_DOCTOR_PROBLEM, "process", "%s", message);
        return;
    }
    enum pando_target_kind kind = pando_target_check(path, program, sizeof program);
    ssize_t len = readlink(path, program, sizeof program - 1);
    program[len > 0 ? len : 0] = '\0';
    bool is_reached = says_program(doctor, kind, program);
    bool has_pando = say_pando(doctor, pid);
    if (is_reached && !has_pando)
        say_attach(doctor, &facts);
    if (is_reached)
        pando_doctor_process(doctor, pid, false, has_pando);
    if (!pando_doctor_objects_of_process(doctor, pid))
        pando_doctor_say(doctor, PANDO_DOCTOR_PROBLEM, "objects", "/proc/%d/maps cannot be read.", pid);
    examine_environment_of(doctor, pid, has_pando, url);
}

static void examine_command(struct pando_doctor *doctor, const char *command, const char *url)
{
    static char environment[PANDO_ENVIRONMENT_BYTES];
    char path[PATH_MAX] = "";
    enum pando_target_kind kind = pando_target_check(command, path, sizeof path);
    if (kind == PANDO_TARGET_UNKNOWN && access(path, X_OK) != 0) {
        pando_doctor_say(doctor, PANDO_DOCTOR_PROBLEM, "program", "%s: there is no such program.", command);
        return;
    }
    bool is_reached = says_program(doctor, kind, path);
    if (is_reached)
        pando_doctor_process(doctor, getpid(), true, false);
    pando_doctor_objects_of_file(doctor, path);
    if (pando_environment_capture(environment, sizeof environment) != 0)
        pando_doctor_say(doctor, PANDO_DOCTOR_NOTE, "settings", "the environment is too large: some of its variables are not seen by Pando.");
    examine_environment(doctor, environment, url);
    explicit_bzero(environment, sizeof environment);
}

int pando_cli_doctor(int argc, char **argv)
{
    struct pando_cli_values values;
    struct pando_doctor doctor;
    int first = pando_cli_parse(&pando_cli_doctor_syntax, argc, argv, &values);
    if (first < 0)
        return values.status;
    if (pando_cli_shows_config(&values))
        return PANDO_EXIT_OK;
    /* --json may also stand behind a PID, as a command's arguments may not. */
    bool is_pid = first < argc && strspn(argv[first], "0123456789") == strlen(argv[first]) && argv[first][0] != '\0';
    bool is_json_behind = is_pid && first + 2 == argc && strcmp(argv[first + 1], "--json") == 0;
    if (first >= argc || (is_pid && first + 1 != argc && !is_json_behind)) {
        pando_cli_complain("doctor needs a PID, or a command; see pando help doctor.");
        return PANDO_EXIT_USAGE;
    }
    pid_t pid = is_pid ? pando_process_parse(argv[first]) : 0;
    if (is_pid && pid == 0)
        return PANDO_EXIT_USAGE;
    /* The variable is one of the settings that are looked at, and a process may have another one. */
    const char *url = values.origin[OPTION_URL] == PANDO_CLI_OPTION ? values.text[OPTION_URL] : NULL;
    if (url != NULL && strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) {
        pando_cli_complain("--url is an http:// or https:// address.");
        return PANDO_EXIT_USAGE;
    }
    pando_doctor_begin(&doctor, stdout, is_json_behind || pando_cli_is_on(&values, OPTION_JSON));
    if (is_pid)
        examine_process(&doctor, pid, url);
    else
        examine_command(&doctor, argv[first], url);
    return pando_doctor_end(&doctor);
}
