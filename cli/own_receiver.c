/* Why: cli/own_receiver.h. Context: own process. */
#include "cli/own_receiver.h"

#include <stdio.h>

#include "cli/cli.h"
#include "cli/progress.h"

int pando_own_receiver_start(const struct pando_own_receiver_options *options, struct pando_receiver **ret_receiver, char *url,
                             size_t url_bytes)
{
    *ret_receiver = NULL;
    if (options->other_url != NULL) {
        snprintf(url, url_bytes, "%s", options->other_url);
        return 0;
    }
    struct pando_receiver_config config = {
        .listen_host = options->host, .port = options->port, .store_path = options->store_path};
    char message[512] = "";
    if (options->store_path != NULL)
        pando_progress_begin("opening %s", options->store_path);
    int error = pando_receiver_start(&config, ret_receiver, message, sizeof message);
    pando_progress_end();
    if (error != 0)
        pando_cli_complain("%s", message);
    else
        pando_cli_local_url(options->host, pando_receiver_port(*ret_receiver), false, url, url_bytes);
    return error;
}
