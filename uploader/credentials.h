/* Why: who we are for AWS: found where AWS's own clients look, in their order, renewed before it expires.
 * Context: the upload thread only, since looking takes files and network. The secrets are in pages that no core dump has. Nothing of
 * them is ever logged, whatever the level. Private to uploader/. docs/aws.md has the order and the rules. */
#ifndef PANDO_UPLOADER_CREDENTIALS_H
#define PANDO_UPLOADER_CREDENTIALS_H

#include <stdatomic.h>
#include <stdint.h>

#include "uploader/http.h"

enum { PANDO_CREDENTIALS_KEY_BYTES = 256, PANDO_CREDENTIALS_TOKEN_BYTES = 8192 };

struct pando_credentials {
    char access_key_id[PANDO_CREDENTIALS_KEY_BYTES];
    char secret[PANDO_CREDENTIALS_KEY_BYTES];
    char session_token[PANDO_CREDENTIALS_TOKEN_BYTES]; /* "" none */
    int64_t expires_wall_s;                            /* 0 never */
    const char *source;                                /* for the log: "the environment", static */
};

struct pando_credentials_chain;

/* `environment` as in base/environment.h, outlives the chain. NULL when there is no memory. */
struct pando_credentials_chain *pando_credentials_chain_new(const char *environment);
void pando_credentials_chain_free(struct pando_credentials_chain *chain);
/* Credentials that are good at `wall_s`, the server's time; the chain's, until the next call. `region` ("" unknown) is where STS is
 * asked. 0; PANDO_ERR_NOT_FOUND: none anywhere; another error: there should be some. `reason` has one clause then. */
int pando_credentials_get(struct pando_credentials_chain *chain, struct pando_http *http, const char *region, int64_t wall_s,
                          const atomic_bool *abort, const struct pando_credentials **ret_credentials, char *reason,
                          size_t reason_bytes);
/* The server did not want them: the next call looks again. */
void pando_credentials_distrust(struct pando_credentials_chain *chain);

#endif
