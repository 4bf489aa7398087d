/* Why: `pando serve`: the receiver as a program of its own.
 * Context: own process. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "receiver/receiver.h"

enum { HOST_BYTES = 256, DEFAULT_PORT = 8080 };

struct options {
    char host[HOST_BYTES];
    uint16_t port;
    const char *store_path, *host_names;
    bool allow_remote, strict;
};

static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option long_options[] = {
        {"listen", required_argument, NULL, 'l'},
        {"store", required_argument, NULL, 's'},
        {"allow-remote", no_argument, NULL, 'r'},
        {"host-name", required_argument, NULL, 'n'},
        {"strict", no_argument, NULL, 'S'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = pando_cli_next_option(argc, argv, ":", long_options)) != -1) {
        switch (option) {
        case 'l':
            if (!pando_cli_listen_address(optarg, options->host, sizeof options->host, &options->port))
                return false;
            break;
        case 's':
            options->store_path = optarg;
            break;
        case 'r':
            options->allow_remote = true;
            break;
        case 'S':
            options->strict = true;
            break;
        case 'n':
            options->host_names = optarg;
            break;
        default:
            return false;
        }
    }
    if (optind < argc) {
        pando_cli_complain("serve takes no operand, but got \"%s\"; see pando help serve.", argv[optind]);
        return false;
    }
    return true;
}

int pando_cli_serve(int argc, char **argv)
{
    struct options options = {.host = "127.0.0.1", .port = DEFAULT_PORT};
    if (!parse_options(argc, argv, &options))
        return PANDO_EXIT_USAGE;

    /* Blocked before the receiver's threads start, so that they inherit it and only sigwait gets them. */
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stops, NULL);
    signal(SIGPIPE, SIG_IGN);

    struct pando_receiver_config config = {
        .listen_host = options.host, .port = options.port, .store_path = options.store_path,
        .allow_remote = options.allow_remote, .host_names = options.host_names,
        .groups_must_exist = options.strict};
    struct pando_receiver *receiver;
    char message[4608] = "";
    if (pando_receiver_start(&config, &receiver, message, sizeof message) != 0) {
        pando_cli_complain("%s", message);
        return PANDO_EXIT_FAILED;
    }
    char url[HOST_BYTES + 32];
    pando_cli_local_url(options.host, pando_receiver_port(receiver), url, sizeof url);
    printf("Pando receiver on %s/\n", url);
    fflush(stdout);

    int stop;
    while (sigwait(&stops, &stop) != 0)
        continue;
    pando_receiver_stop(receiver);
    return PANDO_EXIT_OK;
}
