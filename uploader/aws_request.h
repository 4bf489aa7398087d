/* Why: a request to a service of AWS's form: composed once, so that what is signed is what is sent.
 * Context: the upload thread. Private to uploader/. */
#ifndef PANDO_UPLOADER_AWS_REQUEST_H
#define PANDO_UPLOADER_AWS_REQUEST_H

#include "uploader/http.h"
#include "aws/sigv4.h"

struct pando_aws_request {
    const char *method;
    const char *base_url;      /* "https://host:port/prefix" */
    const char *authority;     /* "host:port" of it */
    const char *prefix;        /* "/prefix" of it, or "" */
    const char *path;          /* below the prefix, encoded */
    const char *query;         /* encoded; "" none */
    const char *content_type;  /* NULL none */
    const char *bearer;        /* a token for Authorization; NULL or "" none. Not with a key */
    const void *body;
    size_t body_bytes;
    uint32_t connect_timeout_ms, total_timeout_ms; /* 0: the usual */
    bool quotes;               /* the server's words may be logged */
};

/* Sends it, signed with `key` for the time `wall_s` unless that is NULL. Otherwise as pando_http_send. */
void pando_aws_request_send(struct pando_http *http, const struct pando_aws_request *request, const struct pando_sigv4_key *key,
                            int64_t wall_s, const atomic_bool *abort, struct pando_http_answer *ret_answer, char *reason,
                            size_t reason_bytes);

#endif
