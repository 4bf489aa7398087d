/* Why: `pando ls`: what a receiver has, before one asks for it.
 * Context: own process. */
#include <stdio.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/listing.h"
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

static bool parse_options(int argc, char **argv, struct pando_source *source, bool *ret_as_json)
{
    static const struct option long_options[] = {
        {"url", required_argument, NULL, 'u'}, {"store", required_argument, NULL, 's'}, {"json", no_argument, NULL, 'j'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = pando_cli_next_option(argc, argv, ":", long_options)) != -1) {
        if (option == 'u')
            source->url = optarg;
        else if (option == 's')
            source->store_path = optarg;
        else if (option == 'j')
            *ret_as_json = true;
        else
            return false;
    }
    if (optind == argc && (source->url != NULL) + (source->store_path != NULL) == 1)
        return true;
    pando_cli_complain("ls needs one of --url and --store, and nothing else; see pando help ls.");
    return false;
}

int pando_cli_ls(int argc, char **argv)
{
    struct pando_source source = {0};
    bool as_json = false;
    char message[2048] = "";
    json_t *groups = NULL, *group;
    if (!parse_options(argc, argv, &source, &as_json))
        return PANDO_EXIT_USAGE;
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
