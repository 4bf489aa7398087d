/* Why: the `pando` command: finds the subcommand, and is the one place with the help texts.
 * Context: own process. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/syntax.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
    const char *help;
};

static const struct command commands[] = {
    {"serve", pando_cli_serve, "runs a receiver: takes profiles, stores them, shows them in a browser",
     "usage: pando serve [OPTION...]\n"
     "Runs a receiver of profiles until SIGINT or SIGTERM; its address is the first line of the output.\n"
     "  --listen HOST:PORT    where (default 127.0.0.1:8080; port 0: a free one)\n"
     "  --store FILE          SQLite file for the profiles (default: in memory only)\n"
     "  --store-limit-mib N   what it may take, 16 at least (default: 512 in memory, no limit for a file)\n"
     "  --keep-raw TIME, --keep-5min TIME, --keep-hour TIME, --keep-day TIME\n"
     "                        how long profiles are kept as posted, and their sums of five minutes, an hour, a day\n"
     "                        (default 7d, 15d, 60d, 1096d)\n"
     "  --bearer-token-file FILE   who asks must show a token of this file (a line each), or log in with it on the page\n"
     "  --access-key ID:FILE  who asks may sign requests with this AWS access key; FILE holds the secret. Several may be\n"
     "                        given; env takes AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY\n"
     "  --tls-cert FILE, --tls-key FILE   HTTPS with this certificate and key (PEM), read at the start\n"
     "  --allow-remote        HOST may be an address that other machines reach, even without TLS and tokens or keys: then\n"
     "                        whoever reaches the receiver can read and add profiles, and others on the way can read along\n"
     "  --strict              a profiling group must have been made (CreateProfilingGroup) before profiles come for it\n"
     "  --source-root FOLDER  the page shows source files in this folder (else any that a profile names, but\n"
     "                        none where others can come in: names, remote addresses, TLS with tokens or keys)\n"
     "  --host-name NAME,...  more names by which clients may call this receiver (a service's, a proxy's)\n"},
    {"report", pando_cli_report, "prints the hottest functions and the call tree of a store or a file; converts",
     "usage: pando report (FILE | --url URL | --store FILE) [OPTION...]\n"
     "Prints where the CPU time of a profiling group went, or its wall time where that was measured. FILE may be a receiver's\n"
     "store, what report wrote (JSON, pprof, folded), a pprof or folded file of another tool, or an agent's body (JSON, Ion);\n"
     "packed with gzip or not.\n"
     "  --url URL             ask this receiver\n"
     "  --store FILE          read this SQLite file of a receiver\n"
     "  --group NAME          profiling group (default: the only one there is)\n"
     "  --since TIME          only profiles of the last TIME: 90s, 10m, 2h, 7d\n"
     "  --start TIME          only profiles from TIME on: 2026-01-31T12:00:00Z, or milliseconds since 1970\n"
     "  --end TIME            only profiles up to TIME\n"
     "  --host NAME, --process NAME, --pid N   only profiles that came from there (as long as single profiles are kept)\n"
     "  --state STATE         CPU (default, where there is any), all (wall time), or only threads that were RUNNABLE,\n"
     "                        BLOCKED, NATIVE, WAITING, TIMED_WAITING, or several of these, with commas between\n"
     "  --thread NAME         only threads of this name; given again: or of that name\n"
     "  --label KEY:VALUE     only what had this label; of the same key again: or that value; of another key: and that one\n"
     "  --top N               lines of the table (default 20; 0: none)\n"
     "  --min-percent P       leave out branches of the tree under P percent (default 1; 100 leaves out the tree)\n"
     "  --format FORMAT       text (default), json, pprof, folded, speedscope, markdown, otlp, or html (the page, in one file)\n"
     "  -o, --output FILE     write to FILE; its name tells the format: .pb.gz .pprof, .folded .collapsed, .speedscope.json,\n"
     "                        .html, .md, .json, .txt\n"
     "  --unit UNIT           what a folded FILE counts: ns (default), us, ms, s, or samples of 10 ms\n"},
    {"ls", pando_cli_ls, "lists the groups of a receiver: times, samples, hosts",
     "usage: pando ls (--url URL | --store FILE) [--json]\n"
     "Lists what a receiver has stored: a line a profiling group, with the hosts that its profiles came from.\n"
     "  --url URL             ask this receiver\n"
     "  --store FILE          read this SQLite file of a receiver\n"
     "  --json                one JSON object instead: times in milliseconds since 1970, weights in nanoseconds\n"},
    {"diff", pando_cli_diff, "tells what changed between two profiles; stops a build that got slower",
     "usage: pando diff [OPTION...] A B\n"
     "Compares two profiles, function by function, in percent of each one's whole. A change within the noise of sampling\n"
     "(three sigma) is none. A and B are files as pando report reads them; with --url or --store each is GROUP or\n"
     "GROUP@FROM..TO, where FROM and TO are 2026-01-31T12:00:00Z, milliseconds since 1970, -2h (that long ago) or nothing.\n"
     "Exit status: 0 no --fail-if condition is met, 1 one is, 2 the profiles could not be compared.\n"
     "  --fail-if CONDITION   FUNCTION:self or FUNCTION:total, then >+5% (grew by more than 5 % of what it was), >+5pp (by 5\n"
     "                        percentage points), >20% (has more than 20 %), or the like with <; FUNCTION is a name, /REGEX/\n"
     "                        or * (any). Can be given again: one that is met is enough\n"
     "  --url URL             ask this receiver\n"
     "  --store FILE          read this SQLite file of a receiver\n"
     "  --state STATE         as for pando report\n"
     "  --thread NAME         as for pando report\n"
     "  --label KEY:VALUE     as for pando report\n"
     "  --top N               functions that are listed (default 30); JSON has all\n"
     "  --format FORMAT       text (default), json or markdown\n"
     "  -o, --output FILE     write to FILE; its name tells the format: .md, .json, .txt\n"
     "  --unit UNIT           what folded files count: ns (default), us, ms, s, or samples of 10 ms\n"},
};

/* Those whose options stand in a table of their own (cli/syntax.h). */
static const struct tabled_command {
    const struct pando_cli_syntax *syntax;
    int (*run)(int argc, char **argv);
} tabled_commands[] = {
    {&pando_cli_run_syntax, pando_cli_run},
    {&pando_cli_attach_syntax, pando_cli_attach},
    {&pando_cli_ctl_syntax, pando_cli_ctl},
    {&pando_cli_top_syntax, pando_cli_top},
    {&pando_cli_doctor_syntax, pando_cli_doctor},
};
enum { TABLED_COMMANDS = sizeof tabled_commands / sizeof tabled_commands[0] };

static const struct tabled_command *find_tabled_command(const char *name)
{
    for (size_t i = 0; i < TABLED_COMMANDS; i++) {
        if (strcmp(tabled_commands[i].syntax->name, name) == 0)
            return &tabled_commands[i];
    }
    return NULL;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static void print_usage(FILE *out)
{
    fputs("usage: pando COMMAND [OPTION...]\n"
          "A sampling profiler that lives in the program it profiles.\n", out);
    for (size_t i = 0; i < TABLED_COMMANDS; i++)
        fprintf(out, "  %-8s %s\n", tabled_commands[i].syntax->name, tabled_commands[i].syntax->summary);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
    fputs("  help     prints what a command's options are: pando help COMMAND\n"
          "  --version\n", out);
}

static void print_tables(void)
{
    const struct pando_cli_syntax *list[TABLED_COMMANDS];
    for (size_t i = 0; i < TABLED_COMMANDS; i++)
        list[i] = tabled_commands[i].syntax;
    pando_cli_print_syntax_json(stdout, list, TABLED_COMMANDS);
}

/* argv[1] is the command. */
static int help(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stdout);
        return PANDO_EXIT_OK;
    }
    if (strcmp(argv[1], "--json") == 0) {
        print_tables();
        return PANDO_EXIT_OK;
    }
    const struct tabled_command *tabled = find_tabled_command(argv[1]);
    const struct command *command = find_command(argv[1]);
    if (tabled != NULL) {
        pando_cli_print_help(stdout, tabled->syntax);
        return PANDO_EXIT_OK;
    }
    if (command == NULL) {
        pando_cli_complain("there is no command \"%s\"; see pando help.", argv[1]);
        return PANDO_EXIT_USAGE;
    }
    fputs(command->help, stdout);
    return PANDO_EXIT_OK;
}

/* Whoever started us with 0, 1 or 2 closed would find our sockets there: fill them, invisible to what we start. */
static void fill_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR | O_CLOEXEC) < 0)
            return;
    }
}

int main(int argc, char **argv)
{
    fill_standard_descriptors();
    if (argc < 2) {
        print_usage(stderr);
        return PANDO_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts("pando " PANDO_VERSION);
        return PANDO_EXIT_OK;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help(argc - 1, argv + 1);
    const struct command *command = find_command(argv[1]);
    const struct tabled_command *tabled = find_tabled_command(argv[1]);
    if (tabled != NULL)
        return argc == 3 && strcmp(argv[2], "--help") == 0 ? help(2, argv) : tabled->run(argc - 1, argv + 1);
    if (command == NULL) {
        pando_cli_complain("there is no command or option \"%s\"; see pando help.", argv[1]);
        return PANDO_EXIT_USAGE;
    }
    if (argc == 3 && strcmp(argv[2], "--help") == 0) {
        fputs(command->help, stdout);
        return PANDO_EXIT_OK;
    }
    return command->run(argc - 1, argv + 1);
}
