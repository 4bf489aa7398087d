/* Why: AWS's Signature Version 4: proves to the service who sends a request, without sending the secret. Own code on OpenSSL's
 * HMAC, since the libcurl of today's distributions signs wrong queries, paths and headers (docs/aws.md).
 * Context: worker (inside of pando_tls_guard) and own processes. Pure: the same request, key and time give the same signature.
 * Source: AWS, "Signature Version 4 signing process"; its test suite is in tests/data/sigv4. */
#ifndef PANDO_AWS_SIGV4_H
#define PANDO_AWS_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "aws/aws_time.h"

enum {
    PANDO_SIGV4_HEADERS_MAX = 32,
    PANDO_SIGV4_QUERY_MAX = 64,                /* parameters */
    PANDO_SIGV4_HEX_SIZE = 65,
    PANDO_SIGV4_AUTHORIZATION_BYTES = 2048,
    PANDO_SIGV4_CANONICAL_MAX_BYTES = 64 * 1024,
};

struct pando_sigv4_header {
    const char *name, *value;
};

/* A request as it goes over the wire. Everything is the caller's and is only read. */
struct pando_sigv4_request {
    const char *method;
    const char *path;                          /* percent-encoded as it is sent; "" is "/" */
    const char *query;                         /* what follows the '?'; "" or NULL: none. A '+' is a plus */
    const struct pando_sigv4_header *headers;  /* Host must be one of them; each that a proxy may change is passed over */
    size_t headers_count;
    const void *body;
    size_t body_bytes;
    bool keeps_path;                           /* dots and double slashes in it stay as they are */
};

struct pando_sigv4_key {
    const char *access_key_id, *secret;
    const char *session_token;                 /* "" or NULL: none */
    const char *region, *service;
};

struct pando_sigv4_signature {
    char amz_date[PANDO_AWS_TIME_SIZE];        /* the value of X-Amz-Date, which is to be sent too */
    char authorization[PANDO_SIGV4_AUTHORIZATION_BYTES];
    char hex[PANDO_SIGV4_HEX_SIZE];
};

/* Signs with the headers given and X-Amz-Date (and X-Amz-Security-Token) in addition. `wall_s` is the server's time.
 * 0; PANDO_ERR_INVALID: no host, a header twice that is ours, bytes that no header may have; PANDO_ERR_LIMIT: too much of
 * something; PANDO_ERR_NO_MEMORY: also when OpenSSL refuses. */
int pando_sigv4_sign(const struct pando_sigv4_request *request, const struct pando_sigv4_key *key, int64_t wall_s,
                     struct pando_sigv4_signature *ret_signature);

/* Writes the canonical request and the list of signed headers; part of the above, by itself for its tests. */
int pando_sigv4_canonical(const struct pando_sigv4_request *request, const char *amz_date, const char *session_token,
                          struct pando_buffer *canonical, struct pando_buffer *signed_headers);
/* Lower-case hex of SHA-256. 0 or PANDO_ERR_NO_MEMORY. */
int pando_sigv4_sha256(const void *bytes, size_t len_bytes, char hex[PANDO_SIGV4_HEX_SIZE]);

#endif
