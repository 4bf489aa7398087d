/* Why: the other end of aws/sigv4.h: whether a request was signed by who has the secret. What is signed is what the sender says it
 * is, so a verifier also says what must be among it.
 * Context: own processes. Pure, and the same time for every wrong signature.
 * Not taken: signatures in the query (nobody should mail links to profiles around), and unsigned bodies. */
#ifndef PANDO_AWS_SIGV4_VERIFY_H
#define PANDO_AWS_SIGV4_VERIFY_H

#include "aws/sigv4.h"

enum { PANDO_SIGV4_CLAIM_NAME_SIZE = 129, PANDO_SIGV4_CLAIM_HEADERS_BYTES = 1024 };

/* What an Authorization header says. Nothing of it is proven. */
struct pando_sigv4_claim {
    char access_key_id[PANDO_SIGV4_CLAIM_NAME_SIZE];
    char day[9];               /* "20261124" */
    char region[PANDO_SIGV4_CLAIM_NAME_SIZE], service[PANDO_SIGV4_CLAIM_NAME_SIZE];
    char signed_headers[PANDO_SIGV4_CLAIM_HEADERS_BYTES]; /* lower case, rising, ';' between */
    char signature[PANDO_SIGV4_HEX_SIZE];
};

/* Reads "AWS4-HMAC-SHA256 Credential=..., SignedHeaders=..., Signature=...". 0; PANDO_ERR_UNSUPPORTED: another scheme;
 * PANDO_ERR_SYNTAX: not of this form, or a part twice, missing or too long. */
int pando_sigv4_claim_read(const char *authorization, struct pando_sigv4_claim *ret_claim);

/* Whether `request` (all of its headers, as they came) bears the claim's signature by `secret`. 0, or
 * PANDO_ERR_REFUSED: it is another signature; PANDO_ERR_INVALID: host, or a header that begins with x-amz-, is not signed,
 * x-amz-date is not there once or not of the claim's day, a signed header is not there, or x-amz-content-sha256 is not the body's;
 * PANDO_ERR_LIMIT, PANDO_ERR_NO_MEMORY. */
int pando_sigv4_verify(const struct pando_sigv4_request *request, const struct pando_sigv4_claim *claim, const char *secret);

#endif
