/* Why: one HTTP exchange over libcurl, told as an outcome that pando_retry_decide understands.
 * Context: the uploader's thread only (all signals blocked), but for the functions that say otherwise.
 * Between two rests it keeps the connection; it keeps no descriptor while nothing is to be sent. Private to uploader/. */
#ifndef PANDO_UPLOADER_HTTP_H
#define PANDO_UPLOADER_HTTP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uploader/http_settings.h"
#include "uploader/retry.h"

struct pando_http;

struct pando_http_header {
    const char *name, *value;
};

struct pando_http_request {
    const char *method;                       /* "GET", "POST", "PUT" */
    const char *url;
    const struct pando_http_header *headers;  /* sent as they are; Host and Content-Type too, if they are to be sent */
    size_t headers_count;
    const void *body;
    size_t body_bytes;
    uint32_t connect_timeout_ms, total_timeout_ms; /* 0: those of the settings */
    bool is_direct;                           /* never by a proxy */
};

struct pando_http_answer {
    struct pando_try_outcome outcome;
    int64_t date_wall_s;                      /* what the server's clock says; 0 nothing */
    char error_type[96];                      /* "ThrottlingException": of x-amzn-ErrorType, else of the body; "" none */
    const char *body;                         /* never NULL, NUL-terminated, the client's until the next exchange */
    size_t body_bytes;
};

/* NULL when there is no memory. `settings` must outlive it. */
struct pando_http *pando_http_new(const struct pando_http_settings *settings);
void pando_http_free(struct pando_http *http);
/* Sends the request and waits for the answer, its time limit, or `*abort`, which is looked at every 50 ms. `reason` gets one
 * clause for the log ("HTTP 400: start is missing", "Connection refused"), at most reason_bytes (>= 64) with its NUL; what the
 * server says is in it only if `quotes`: an answer may hold a secret. */
void pando_http_send(struct pando_http *http, const struct pando_http_request *request, bool quotes, const atomic_bool *abort,
                     struct pando_http_answer *ret_answer, char *reason, size_t reason_bytes);
/* Before anything that uses OpenSSL (a signature too), and until the next rest: false when the host has shut it down. */
bool pando_http_enter_tls(struct pando_http *http);
/* Closes the connection and gives back every descriptor; the next exchange makes new ones. */
void pando_http_rest(struct pando_http *http);

/* What a header line of an answer says that matters: its Date (0: none that makes sense), or its error's name. Else nothing changes. Pure. */
void pando_http_read_header(const char *line, size_t len, int64_t *date_wall_s, char *error_type, size_t error_type_bytes);

#endif
