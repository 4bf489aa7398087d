/* Why: PostAgentProfile: one payload to its group, told as an outcome that pando_retry_decide understands.
 * Context: the upload thread. Private to uploader/. */
#ifndef PANDO_UPLOADER_POST_H
#define PANDO_UPLOADER_POST_H

#include "uploader/payload.h"
#include "uploader/signer.h"

/* Where profiles go. */
struct pando_destination {
    struct pando_http_settings *settings;
    const char *group;
    struct pando_signer *signer;  /* NULL: nothing is signed; then a token is sent, if one is set */
    const char *environment;      /* where the token is told */
    bool lacks_region;            /* the URL in the settings is not yet the right one: only the machine itself knows its region */
};

/* An operation of the service's on the group: `operation` is the path's last part. Sent signed, or not. */
void pando_destination_send(struct pando_destination *destination, struct pando_http *http, const char *operation,
                            const char *query, const char *content_type, const void *body, size_t body_bytes,
                            const atomic_bool *abort, struct pando_http_answer *ret_answer, char *reason, size_t reason_bytes);
/* The same at any path of the service's. */
void pando_destination_send_to(struct pando_destination *destination, struct pando_http *http, const char *path, const char *query,
                               const char *content_type, const void *body, size_t body_bytes, const atomic_bool *abort,
                               struct pando_http_answer *ret_answer, char *reason, size_t reason_bytes);
struct pando_try_outcome pando_post(struct pando_destination *destination, struct pando_http *http,
                                    const struct pando_payload *payload, const atomic_bool *abort, char *reason,
                                    size_t reason_bytes);

#endif
