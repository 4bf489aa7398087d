/* Why: `pando serve`: the receiver as a program of its own.
 * Context: own process. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/serve_secrets.h"
#include "cli/time_text.h"
#include "receiver/receiver.h"

enum { HOST_BYTES = 256, DEFAULT_PORT = 8080, STORE_LIMIT_MIN_MIB = 16, STORE_LIMIT_MAX_MIB = 4000000, KEEP_MIN_MS = 3600000 };

struct options {
    char host[HOST_BYTES];
    struct pando_receiver_config config;
    struct pando_auth *auth;
};

static bool take_keep(const char *option, uint64_t *ret_s)
{
    uint64_t ms;
    if (pando_time_span(optarg, &ms) && ms >= KEEP_MIN_MS) {
        *ret_s = ms / 1000;
        return true;
    }
    pando_cli_complain("%s takes a number and h or d, an hour at least, not \"%s\".", option, optarg);
    return false;
}

static bool take_limit(uint64_t *ret_bytes)
{
    uint64_t mib;
    if (!pando_cli_number("--store-limit-mib", optarg, STORE_LIMIT_MIN_MIB, STORE_LIMIT_MAX_MIB, &mib))
        return false;
    *ret_bytes = mib << 20;
    return true;
}

/* One option; complains when it is no good. */
static bool take_option(int option, struct options *options)
{
    struct pando_receiver_config *config = &options->config;
    switch (option) {
    case 'l':
        return pando_cli_listen_address(optarg, options->host, sizeof options->host, &config->port);
    case 's':
        config->store_path = optarg;
        return true;
    case 'r':
        config->allow_remote = true;
        return true;
    case 'S':
        config->groups_must_exist = true;
        return true;
    case 'n':
        config->host_names = optarg;
        return true;
    case 'o':
        config->source_root = optarg;
        return true;
    case 'a':
        return pando_cli_add_access_key(&options->auth, optarg);
    case 'b':
        return pando_cli_add_tokens(&options->auth, optarg);
    case 'c':
        config->tls_cert_file = optarg;
        return true;
    case 'k':
        config->tls_key_file = optarg;
        return true;
    case 'm':
        return take_limit(&config->store_limit_bytes);
    case '0':
        return take_keep("--keep-raw", &config->keep.raw_s);
    case '5':
        return take_keep("--keep-5min", &config->keep.five_s);
    case 'h':
        return take_keep("--keep-hour", &config->keep.hour_s);
    case 'd':
        return take_keep("--keep-day", &config->keep.day_s);
    default:
        return false;
    }
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option long_options[] = {
        {"listen", required_argument, NULL, 'l'},
        {"store", required_argument, NULL, 's'},
        {"allow-remote", no_argument, NULL, 'r'},
        {"host-name", required_argument, NULL, 'n'},
        {"source-root", required_argument, NULL, 'o'},
        {"strict", no_argument, NULL, 'S'},
        {"access-key", required_argument, NULL, 'a'},
        {"bearer-token-file", required_argument, NULL, 'b'},
        {"tls-cert", required_argument, NULL, 'c'},
        {"tls-key", required_argument, NULL, 'k'},
        {"store-limit-mib", required_argument, NULL, 'm'},
        {"keep-raw", required_argument, NULL, '0'},
        {"keep-5min", required_argument, NULL, '5'},
        {"keep-hour", required_argument, NULL, 'h'},
        {"keep-day", required_argument, NULL, 'd'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = pando_cli_next_option(argc, argv, ":", long_options)) != -1) {
        if (!take_option(option, options))
            return false;
    }
    if (optind < argc) {
        pando_cli_complain("serve takes no operand, but got \"%s\"; see pando help serve.", argv[optind]);
        return false;
    }
    return true;
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
    if (pando_receiver_start(&options->config, &receiver, message, sizeof message) != 0) {
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
    struct options options = {.host = "127.0.0.1", .config = {.port = DEFAULT_PORT}};
    int status = parse_options(argc, argv, &options) ? serve(&options) : PANDO_EXIT_USAGE;
    pando_auth_free(options.auth);
    return status;
}
