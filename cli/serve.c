/* Why: `pando serve`: the receiver as a program of its own.
 * Context: own process. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/serve_secrets.h"
#include "cli/syntax_print.h"
#include "cli/time_text.h"
#include "receiver/receiver.h"

enum { HOST_BYTES = 256, DEFAULT_PORT = 8080, STORE_LIMIT_MIN_MIB = 16, STORE_LIMIT_MAX_MIB = 4000000, KEEP_MIN_MS = 3600000 };

enum {
    OPTION_LISTEN, OPTION_STORE, OPTION_LIMIT, OPTION_KEEP_RAW, OPTION_KEEP_5MIN, OPTION_KEEP_HOUR, OPTION_KEEP_DAY, OPTION_TOKENS,
    OPTION_ACCESS_KEY, OPTION_CERT, OPTION_KEY, OPTION_REMOTE, OPTION_STRICT, OPTION_SOURCE_ROOT, OPTION_HOST_NAME, OPTION_SHOW_CONFIG,
    OPTION_JSON,
};

static const struct pando_cli_option table[] = {
    [OPTION_LISTEN] = {"listen", 'l', "HOST:PORT", "PANDO_SERVE_LISTEN", "127.0.0.1:8080", "where; port 0: a free one", false},
    [OPTION_STORE] = {"store", 's', "FILE", "PANDO_SERVE_STORE", NULL, "SQLite file for the profiles (in memory only, if not given)", false},
    [OPTION_LIMIT] = {"store-limit-mib", 0, "N", "PANDO_SERVE_STORE_LIMIT_MIB", NULL, "what it may take, 16 at least (if not given: 512 in\n"
                      "memory, no limit for a file)", false},
    [OPTION_KEEP_RAW] = {"keep-raw", 0, "TIME", "PANDO_SERVE_KEEP_RAW", "7d", "how long profiles are kept as posted", false},
    [OPTION_KEEP_5MIN] = {"keep-5min", 0, "TIME", "PANDO_SERVE_KEEP_5MIN", "15d", "how long their sums of five minutes are kept", false},
    [OPTION_KEEP_HOUR] = {"keep-hour", 0, "TIME", "PANDO_SERVE_KEEP_HOUR", "60d", "how long their sums of an hour are kept", false},
    [OPTION_KEEP_DAY] = {"keep-day", 0, "TIME", "PANDO_SERVE_KEEP_DAY", "1096d", "how long their sums of a day are kept", false},
    [OPTION_TOKENS] = {"bearer-token-file", 0, "FILE", "PANDO_SERVE_BEARER_TOKEN_FILE", NULL, "who asks must show a token of this file (a\n"
                       "line each), or log in with it on the page", false},
    [OPTION_ACCESS_KEY] = {"access-key", 0, "ID:FILE", "PANDO_SERVE_ACCESS_KEY", NULL, "who asks may sign requests with this AWS access key;\n"
                           "FILE holds the secret; env takes AWS_ACCESS_KEY_ID\nand AWS_SECRET_ACCESS_KEY", true},
    [OPTION_CERT] = {"tls-cert", 0, "FILE", "PANDO_SERVE_TLS_CERT", NULL, "HTTPS with this certificate (PEM), read at the start", false},
    [OPTION_KEY] = {"tls-key", 0, "FILE", "PANDO_SERVE_TLS_KEY", NULL, "its key (PEM)", false},
    [OPTION_REMOTE] = {"allow-remote", 0, NULL, "PANDO_SERVE_ALLOW_REMOTE", NULL, "HOST may be an address that other machines reach, even without\n"
                       "TLS and tokens or keys: then whoever reaches the receiver can\nread and add profiles, and others on the way can read along", false},
    [OPTION_STRICT] = {"strict", 0, NULL, "PANDO_SERVE_STRICT", NULL, "a profiling group must have been made (CreateProfilingGroup)\n"
                       "before profiles come for it", false},
    [OPTION_SOURCE_ROOT] = {"source-root", 0, "FOLDER", "PANDO_SERVE_SOURCE_ROOT", NULL, "the page shows source files in this folder (else any\n"
                            "that a profile names, but none where others can come in:\nnames, remote addresses, TLS with tokens or keys)", false},
    [OPTION_HOST_NAME] = {"host-name", 0, "NAME,...", "PANDO_SERVE_HOST_NAME", NULL, "more names by which clients may call this receiver (a\n"
                          "service's, a proxy's)", false},
    [OPTION_SHOW_CONFIG] = PANDO_CLI_SHOW_CONFIG_ROW,
    [OPTION_JSON] = PANDO_CLI_JSON_ROW("of --show-config: as JSON"),
};

const struct pando_cli_syntax pando_cli_serve_syntax = {
    .name = "serve", .operands = "",
    .summary = "runs a receiver: takes profiles, stores them, shows them in a browser",
    .text = "Runs a receiver of profiles until SIGINT or SIGTERM; its address is the first line of the output.\n",
    .options = table, .option_count = sizeof table / sizeof table[0],
};

struct options {
    struct pando_cli_values values;
    char host[HOST_BYTES];
    struct pando_receiver_config config;
    struct pando_auth *auth;
};

static bool read_keep(const struct pando_cli_values *values, size_t option, uint64_t *ret_s)
{
    uint64_t ms;
    if (pando_time_span(values->text[option], &ms) && ms >= KEEP_MIN_MS) {
        *ret_s = ms / 1000;
        return true;
    }
    pando_cli_complain("%s takes a number and h or d, an hour at least, not \"%s\".", pando_cli_name_of(values, option), values->text[option]);
    return false;
}

static bool take_access_key(void *context, const char *name, const char *text)
{
    struct options *options = context;
    return pando_cli_add_access_key(&options->auth, name, text);
}

static bool read_values(struct options *options)
{
    const struct pando_cli_values *values = &options->values;
    struct pando_receiver_config *config = &options->config;
    uint64_t limit_mib = 0;
    config->store_path = values->text[OPTION_STORE];
    config->tls_cert_file = values->text[OPTION_CERT];
    config->tls_key_file = values->text[OPTION_KEY];
    config->allow_remote = pando_cli_is_on(values, OPTION_REMOTE);
    config->groups_must_exist = pando_cli_is_on(values, OPTION_STRICT);
    config->source_root = values->text[OPTION_SOURCE_ROOT];
    config->host_names = values->text[OPTION_HOST_NAME];
    if (!pando_cli_listen_address(pando_cli_name_of(values, OPTION_LISTEN), values->text[OPTION_LISTEN], options->host, sizeof options->host,
                                  &config->port) ||
        !pando_cli_number_of(values, OPTION_LIMIT, STORE_LIMIT_MIN_MIB, STORE_LIMIT_MAX_MIB, &limit_mib) ||
        !read_keep(values, OPTION_KEEP_RAW, &config->keep.raw_s) || !read_keep(values, OPTION_KEEP_5MIN, &config->keep.five_s) ||
        !read_keep(values, OPTION_KEEP_HOUR, &config->keep.hour_s) || !read_keep(values, OPTION_KEEP_DAY, &config->keep.day_s))
        return false;
    config->store_limit_bytes = limit_mib << 20;
    if (!pando_cli_each(values, OPTION_ACCESS_KEY, take_access_key, options))
        return false;
    return values->text[OPTION_TOKENS] == NULL || pando_cli_add_tokens(&options->auth, values->text[OPTION_TOKENS]);
}

static int serve(struct options *options)
{
    /* Blocked before the receiver's threads start, so that they inherit it and only sigwait gets them. */
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stops, NULL);
    signal(SIGPIPE, SIG_IGN);

    options->config.listen_host = options->host;
    options->config.auth = options->auth;
    struct pando_receiver *receiver;
    char message[4608] = "";
    if (options->config.store_path != NULL)
        pando_progress_begin("opening %s", options->config.store_path);
    int error = pando_receiver_start(&options->config, &receiver, message, sizeof message);
    pando_progress_end();
    if (error != 0) {
        pando_cli_complain("%s", message);
        return PANDO_EXIT_FAILED;
    }
    char url[HOST_BYTES + 32];
    pando_cli_local_url(options->host, pando_receiver_port(receiver), options->config.tls_cert_file != NULL, url, sizeof url);
    printf("Pando receiver on %s/\n", url);
    fflush(stdout);

    int stop;
    while (sigwait(&stops, &stop) != 0)
        continue;
    pando_receiver_stop(receiver);
    return PANDO_EXIT_OK;
}

int pando_cli_serve(int argc, char **argv)
{
    static struct options options = {.host = "127.0.0.1", .config = {.port = DEFAULT_PORT}};
    int first = pando_cli_parse(&pando_cli_serve_syntax, argc, argv, &options.values);
    int status = first < 0 ? (int)options.values.status : PANDO_EXIT_USAGE;
    if (first >= 0 && first < argc)
        pando_cli_complain("serve takes no operand, but got \"%s\"; see pando help serve.", argv[first]);
    else if (first >= 0 && read_values(&options))
        status = pando_cli_shows_config(&options.values) ? PANDO_EXIT_OK : serve(&options);
    pando_auth_free(options.auth);
    return status;
}
