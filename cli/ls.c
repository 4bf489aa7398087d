/* Why: `pando ls`: what a receiver has, before one asks for it.
 * Context: own process. */
#include <stdio.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/listing.h"
#include "cli/source_options.h"
#include "cli/syntax_print.h"
#include "cli/terminal_text.h"

enum { NAME_BYTES = 512, HOSTS_SHOWN = 5 };

static int64_t number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static void print_time(int64_t ms)
{
    char text[32] = "?";
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    if (gmtime_r(&seconds, &utc) != NULL)
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    fputs(text, stdout);
}

static void print_name(const json_t *object, const char *name, const char *if_empty)
{
    char safe[NAME_BYTES];
    const char *text = json_string_value(json_object_get(object, name));
    pando_terminal_text(text != NULL && text[0] != '\0' ? text : if_empty, safe, sizeof safe);
    fputs(safe, stdout);
}

static void print_group(const json_t *group)
{
    print_name(group, "name", "?");
    printf(": %lld profiles, %lld samples, ", (long long)number(group, "profiles"), (long long)number(group, "samples"));
    print_time(number(group, "firstStartMs"));
    fputs(" to ", stdout);
    print_time(number(group, "lastEndMs"));
    const json_t *hosts = json_object_get(group, "hosts"), *host;
    size_t i;
    json_array_foreach(hosts, i, host) {
        if (i == HOSTS_SHOWN) {
            printf(", and %zu more", json_array_size(hosts) - i);
            break;
        }
        fputs(i == 0 ? "; " : ", ", stdout);
        print_name(host, "host", "a host without a name");
        int64_t cpu_ns = number(host, "cpuNs"), wall_ns = number(host, "wallNs");
        if (cpu_ns != 0 || wall_ns == 0)
            printf(" %.2f s of CPU time", (double)cpu_ns / 1e9);
        if (wall_ns != 0)
            printf(" %.2f s of wall time", (double)wall_ns / 1e9);
    }
    putchar('\n');
}

enum { OPTION_URL, OPTION_STORE, OPTION_SHOW_CONFIG, OPTION_JSON };

static const struct pando_cli_option table[] = {
    [OPTION_URL] = PANDO_CLI_URL_ROW,
    [OPTION_STORE] = PANDO_CLI_STORE_ROW("PANDO_LS_STORE"),
    [OPTION_SHOW_CONFIG] = PANDO_CLI_SHOW_CONFIG_ROW,
    [OPTION_JSON] = PANDO_CLI_JSON_ROW("one JSON object instead: times in milliseconds since 1970, weights in\nnanoseconds"),
};

const struct pando_cli_syntax pando_cli_ls_syntax = {
    .name = "ls", .operands = "(FILE | --url URL | --store FILE)",
    .summary = "lists the groups of a receiver: times, samples, hosts",
    .text = "Lists what a receiver has stored: a line a profiling group, with the hosts that its profiles came from.\n"
            "FILE is a receiver's SQLite file, as for --store.\n",
    .options = table, .option_count = sizeof table / sizeof table[0],
};

int pando_cli_ls(int argc, char **argv)
{
    static struct pando_cli_values values;
    struct pando_source source;
    char message[2048] = "";
    json_t *groups = NULL, *group;
    int first = pando_cli_parse(&pando_cli_ls_syntax, argc, argv, &values);
    if (first < 0)
        return values.status;
    const char *file = first < argc ? argv[first] : NULL;
    if (!pando_source_read_options(&values, OPTION_URL, OPTION_STORE, file, &source))
        return PANDO_EXIT_USAGE;
    if (pando_cli_shows_config(&values))
        return PANDO_EXIT_OK;
    if (file != NULL)
        source.store_path = file;
    if (argc - first > 1 || (source.url == NULL && source.store_path == NULL)) {
        pando_cli_complain("ls needs one FILE, --url or --store, and nothing else; see pando help ls.");
        return PANDO_EXIT_USAGE;
    }
    bool as_json = pando_cli_is_on(&values, OPTION_JSON);
    if (pando_listing(&source, &groups, message, sizeof message) != 0) {
        pando_cli_complain("%s", message);
        return PANDO_EXIT_FAILED;
    }
    size_t i;
    int status = PANDO_EXIT_OK;
    if (as_json) {
        json_t *root = json_pack("{s:O}", "groups", groups);
        if (root == NULL || json_dumpf(root, stdout, JSON_INDENT(2)) != 0)
            status = PANDO_EXIT_FAILED;
        putchar('\n');
        json_decref(root);
    } else {
        json_array_foreach(groups, i, group)
            print_group(group);
    }
    json_decref(groups);
    if (fflush(stdout) != 0 || ferror(stdout) || status != PANDO_EXIT_OK) {
        pando_cli_complain("the list cannot be written.");
        return PANDO_EXIT_FAILED;
    }
    return PANDO_EXIT_OK;
}
