/* Why: one POST of one profile over libcurl, told as an outcome that pando_retry_decide understands.
 * Context: the uploader's thread only (all signals blocked), but for the functions that say otherwise.
 * Between two rests it keeps the connection; it keeps no descriptor while nothing is to be sent. Private to uploader/. */
#ifndef PANDO_UPLOADER_HTTP_H
#define PANDO_UPLOADER_HTTP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uploader/payload.h"
#include "uploader/retry.h"

struct pando_http_settings {
    char *endpoint;      /* "https://host/profilingGroups/name/agentProfile?profileToken=" */
    char *user_agent;
    char *proxy;         /* "" none. As the environment had it when these were made: getenv in a later moment could */
    char *no_proxy;      /* run into the host's setenv */
    char *ca_file;       /* NULL: the system's */
    uint32_t connect_timeout_ms, total_timeout_ms;
    bool needs_tls;      /* https, or a proxy that is */
    bool in_clear;       /* http to a host that is not this one */
};

/* Checks `url` and `group` and fills `settings` (release also after an error). Setup. Returns 0, PANDO_ERR_INVALID with a
 * sentence in `message`, or PANDO_ERR_NO_MEMORY. The two timeouts are the caller's to set. */
int pando_http_settings_make(const char *url, const char *group, const char *user_agent,
                             struct pando_http_settings *settings, char *message, size_t message_bytes);
void pando_http_settings_release(struct pando_http_settings *settings);

struct pando_http;

/* NULL when there is no memory. `settings` must outlive it. */
struct pando_http *pando_http_new(const struct pando_http_settings *settings);
void pando_http_free(struct pando_http *http);
/* Sends `payload` and waits for the answer, its time limit, or `*abort`, which is looked at every 50 ms. `reason` gets one
 * clause for the log ("HTTP 400: start is missing", "Connection refused"), at most reason_bytes (>= 64) with its NUL. */
struct pando_try_outcome pando_http_post(struct pando_http *http, const struct pando_payload *payload,
                                         const atomic_bool *abort, char *reason, size_t reason_bytes);
/* Closes the connection and gives back every descriptor; the next post makes new ones. */
void pando_http_rest(struct pando_http *http);

#endif
