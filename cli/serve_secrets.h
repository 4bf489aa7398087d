/* Why: the secrets that `pando serve` is to know: from files or the environment, never from the command line, which everybody on the
 * machine can read.
 * Context: own process, at the start. */
#ifndef PANDO_CLI_SERVE_SECRETS_H
#define PANDO_CLI_SERVE_SECRETS_H

#include <stdbool.h>

#include "receiver/auth.h"

/* "ID:FILE" (the secret is the file's first line), or "env": AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Makes *auth when it is NULL.
 * Complains and returns false when that is not possible. */
bool pando_cli_add_access_key(struct pando_auth **auth, const char *name, const char *text);
/* A file with a token in each line; empty lines and those that begin with # are passed over. As above. */
bool pando_cli_add_tokens(struct pando_auth **auth, const char *path);

#endif
