/* Why: the groups of a receiver or of its store, with the hosts of each, as one JSON value.
 * Context: own process; blocks. */
#ifndef PANDO_CLI_LISTING_H
#define PANDO_CLI_LISTING_H

#include <jansson.h>

#include "cli/source.h"

/* An array of objects: name, profiles, samples, firstStartMs, lastEndMs, hosts: array of host, profiles, samples, cpuNs, wallNs, the
 * heaviest first. The caller's to json_decref. On an error `message` has one sentence. */
int pando_listing(const struct pando_source *source, json_t **ret_groups, char *message, size_t message_bytes);

#endif
