/* Why: the `pando` command: finds the subcommand, and prints what is made from their tables.
 * Context: own process. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/syntax_print.h"

static const struct command {
    const struct pando_cli_syntax *syntax;
    int (*run)(int argc, char **argv);
} commands[] = {
    {&pando_cli_run_syntax, pando_cli_run},       {&pando_cli_attach_syntax, pando_cli_attach}, {&pando_cli_ctl_syntax, pando_cli_ctl},
    {&pando_cli_top_syntax, pando_cli_top},       {&pando_cli_doctor_syntax, pando_cli_doctor}, {&pando_cli_serve_syntax, pando_cli_serve},
    {&pando_cli_report_syntax, pando_cli_report}, {&pando_cli_diff_syntax, pando_cli_diff},     {&pando_cli_ls_syntax, pando_cli_ls},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].syntax->name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static void print_usage(FILE *out)
{
    fputs("usage: pando COMMAND [OPTION...]\n"
          "A sampling profiler that lives in the program it profiles.\n", out);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-8s %s\n", commands[i].syntax->name, commands[i].syntax->summary);
    fputs("  help     prints what a command's options are: pando help COMMAND; for programs: pando help --json\n"
          "  --version\n", out);
}

static void print_tables(void)
{
    const struct pando_cli_syntax *list[COMMANDS];
    for (size_t i = 0; i < COMMANDS; i++)
        list[i] = commands[i].syntax;
    pando_cli_print_syntax_json(stdout, list, COMMANDS);
}

/* The names, and what they do, for completion. */
static void print_names(void)
{
    for (size_t i = 0; i < COMMANDS; i++)
        printf("%s\t%s\n", commands[i].syntax->name, commands[i].syntax->summary);
    puts("help\tprints what a command's options are");
}

static int complain_of(const char *name)
{
    pando_cli_complain("there is no command%s \"%s\"; see pando help.", name[0] == '-' ? " or option" : "", name);
    return PANDO_EXIT_USAGE;
}

/* What is made from a table: its help, or with --words or --manual what completion and manual pages are made of. */
static int help(int argc, char **argv)
{
    const char *form = argc > 1 && strncmp(argv[1], "--", 2) == 0 ? argv[1] : "";
    const char *name = argv[1 + (form[0] != '\0')];
    const struct command *command = name != NULL ? find_command(name) : NULL;
    if (name != NULL && command == NULL && strcmp(name, "help") != 0)
        return complain_of(name);
    if (strcmp(form, "--json") == 0)
        print_tables();
    else if (strcmp(form, "--words") == 0 && name == NULL)
        print_names();
    else if (strcmp(form, "--words") == 0 && command != NULL)
        pando_cli_print_words(stdout, command->syntax);
    else if (strcmp(form, "--manual") == 0 && command != NULL)
        pando_cli_print_manual(stdout, command->syntax);
    else if (form[0] != '\0' && strcmp(form, "--words") != 0 && strcmp(form, "--help") != 0)
        return complain_of(form);
    else if (command != NULL)
        pando_cli_print_help(stdout, command->syntax);
    else
        print_usage(stdout);
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
    return command != NULL ? command->run(argc - 1, argv + 1) : complain_of(argv[1]);
}
