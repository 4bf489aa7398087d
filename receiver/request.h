/* Why: one request as the operations see it: who asks for what, the body, and what is answered. Only server.c and answer.c know
 * of libmicrohttpd.
 * Context: own process; the connection's thread. */
#ifndef PANDO_RECEIVER_REQUEST_H
#define PANDO_RECEIVER_REQUEST_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/sigv4_verify.h"
#include "base/buffer.h"
#include "receiver/host_check.h"

struct MHD_Connection;
struct pando_route;

enum { PANDO_GROUP_NAME_BYTES = 256, PANDO_ANSWER_MESSAGE_BYTES = 512, PANDO_ETAG_BYTES = 128, PANDO_COOKIE_BYTES = 192 };
#define PANDO_SESSION_COOKIE "pando_session"

/* What all requests share; set at the start. */
struct pando_service {
    struct pando_store *store;
    struct pando_deadlines *deadlines;
    struct pando_host_rule host_rule;
    char host[256], host_names[1024]; /* what host_rule points to */
    char source_root[4096];       /* "": any */
    bool shows_sources;
    size_t body_limit_bytes;
    uint32_t period_s;
    bool groups_must_exist;
    const struct pando_auth *auth; /* NULL: whoever reaches us may ask */
    bool is_tls;
    uint64_t run_id;              /* of this start: numbers of rows may begin anew in the next */
    atomic_size_t bodies_bytes;   /* held in memory at the moment */
    sem_t decoding, merging;      /* how many may be at it at once: each takes memory */
};

struct pando_answer {
    unsigned status;
    const char *error_type;       /* the x-amzn-ErrorType, NULL when it is none */
    char message[PANDO_ANSWER_MESSAGE_BYTES]; /* of an error: one sentence */
    const char *allow;            /* for 405 */
    const char *content_type;     /* NULL: no body */
    const char *content_encoding; /* NULL: none */
    const char *fixed_bytes;      /* a body that stays; else `body` */
    size_t fixed_len_bytes;
    struct pando_buffer body;
    char etag[PANDO_ETAG_BYTES];  /* with its quotes; "" none */
    char cookie[PANDO_COOKIE_BYTES]; /* to be set; "" none */
    const char *content_policy;   /* Content-Security-Policy; NULL: that of the page */
    char file_name[PANDO_GROUP_NAME_BYTES + 32]; /* to be saved as; "": not */
    bool retry_later;
    bool wants_bearer;            /* says so in WWW-Authenticate */
};

struct pando_request {
    struct pando_service *service;
    struct MHD_Connection *connection;
    char *uri;                    /* as it came, still encoded; the request's own */
    const char *method;
    bool has_begun;               /* its headers were looked at */
    struct pando_sigv4_claim claim;
    const char *secret;           /* that its signature must have been made with; NULL: it was let in without one */
    const struct pando_route *route;
    char group[PANDO_GROUP_NAME_BYTES];
    const char *rest;             /* what stood for {rest} in the route; lives as long as the request */
    struct pando_buffer body;
    size_t charged_bytes;         /* to bodies_bytes */
    size_t drained_bytes;         /* of a body that is not kept */
    bool is_gzip, is_ion;         /* the body of a profile */
    struct pando_answer answer;
};

/* The error that is answered; the first one stays. Returns PANDO_ERR_REFUSED. */
int pando_request_refuse(struct pando_request *request, unsigned status, const char *type, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A header's value, or NULL. */
const char *pando_request_header(const struct pando_request *request, const char *name);
/* A parameter of the query, or NULL; *ret_count tells how often it is there (a value may be NULL then too). */
const char *pando_request_query(const struct pando_request *request, const char *name, unsigned *ret_count);
/* All values of a parameter that has several, at most `max` of them (one without a value is ""). Returns how many there are. */
size_t pando_request_query_list(const struct pando_request *request, const char *name, const char **values, size_t max);
/* Whether the client has what this tag names already; then the answer is 304. Sets the answer's tag. */
bool pando_request_unchanged(struct pando_request *request, const char *etag);

extern const char PANDO_TYPE_JSON[], PANDO_TYPE_ION[], PANDO_VALIDATION[], PANDO_NOT_FOUND[], PANDO_INTERNAL[], PANDO_THROTTLING[];

#endif
