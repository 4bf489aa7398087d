/* Why: what signing and verifying share: both make the same canonical request and the same signature of it, or nothing fits.
 * Context: worker (inside of pando_tls_guard) and own processes. Private to aws/. */
#ifndef PANDO_AWS_SIGV4_PRIVATE_H
#define PANDO_AWS_SIGV4_PRIVATE_H

#include "aws/sigv4.h"

enum { PANDO_SIGV4_NAME_MAX_BYTES = 128 }; /* of an access key's id, a region, a service */

extern const char PANDO_SIGV4_ALGORITHM[];

/* A header that is signed. */
struct pando_sigv4_named {
    const struct pando_sigv4_header *header;
    size_t number; /* the order among those of one name is that of the request */
};

/* Sorts the list and writes the canonical request over it, with `payload_hash`, and the names. */
int pando_sigv4_write_canonical(const struct pando_sigv4_request *request, struct pando_sigv4_named *list, size_t count,
                                const char *payload_hash, struct pando_buffer *canonical, struct pando_buffer *signed_headers);
/* A canonical request's signature: lower-case hex. `amz_date` begins with the day. 0, PANDO_ERR_LIMIT or PANDO_ERR_NO_MEMORY. */
int pando_sigv4_sign_canonical(const struct pando_sigv4_key *key, const char *amz_date, const struct pando_buffer *canonical,
                               char hex[PANDO_SIGV4_HEX_SIZE]);
/* "20261124/eu-west-1/codeguru-profiler/aws4_request" */
enum { PANDO_SIGV4_SCOPE_BYTES = 2 * PANDO_SIGV4_NAME_MAX_BYTES + 64 };
void pando_sigv4_scope(const struct pando_sigv4_key *key, const char *amz_date, char scope[PANDO_SIGV4_SCOPE_BYTES]);

#endif
