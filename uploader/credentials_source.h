/* Why: the form of each place where credentials may be, so that the chain is a list.
 * Context: the upload thread. Private to uploader/credentials*.c (and what else asks the metadata service).
 * Each source returns 0; PANDO_ERR_NOT_FOUND when it is not set up: the next one is asked; another error when it is set up and fails,
 * which ends the search: another identity than the one that was meant would be worse than none. */
#ifndef PANDO_UPLOADER_CREDENTIALS_SOURCE_H
#define PANDO_UPLOADER_CREDENTIALS_SOURCE_H

#include "uploader/credentials.h"

struct pando_credentials_fetch {
    const char *environment;
    struct pando_http *http;
    const atomic_bool *abort;
    const char *region;
    int64_t wall_s;
    char *reason;
    size_t reason_bytes;
    struct pando_credentials *scratch; /* one more, in the protected memory, for who asks on behalf of another */
    char *file;                        /* PANDO_FETCH_FILE_BYTES, in the protected memory */
};

enum { PANDO_FETCH_FILE_BYTES = 128 * 1024 };

typedef int (*pando_credentials_source)(struct pando_credentials_fetch *fetch, struct pando_credentials *credentials);

int pando_credentials_from_environment(struct pando_credentials_fetch *fetch, struct pando_credentials *credentials);
int pando_credentials_from_profile(struct pando_credentials_fetch *fetch, struct pando_credentials *credentials);
int pando_credentials_from_web_identity(struct pando_credentials_fetch *fetch, struct pando_credentials *credentials);
int pando_credentials_from_container(struct pando_credentials_fetch *fetch, struct pando_credentials *credentials);
int pando_credentials_from_metadata(struct pando_credentials_fetch *fetch, struct pando_credentials *credentials);

struct pando_sts_role {
    const char *arn;
    const char *session_name; /* "" made up */
    const char *external_id;  /* "" none */
    const char *token_file;   /* of a web identity; "" none */
};

/* Asks STS for the role: signed by `base`, or, when that is NULL, with the token of the file. */
int pando_sts_assume_role(struct pando_credentials_fetch *fetch, const struct pando_sts_role *role,
                          const struct pando_credentials *base, struct pando_credentials *credentials);

/* Reads the XML of an answer of STS's, with its NUL. 0, or PANDO_ERR_SYNTAX and a reason. */
int pando_sts_read_answer(struct pando_credentials_fetch *fetch, const char *xml, struct pando_credentials *credentials);

/* Reads the JSON of a container's or the metadata service's answer. 0, or PANDO_ERR_SYNTAX and a reason. */
int pando_credentials_read_reply(struct pando_credentials_fetch *fetch, const char *body, size_t body_bytes,
                                 struct pando_credentials *credentials);

/* Says why, and returns `error`. */
__attribute__((format(printf, 3, 4))) int pando_credentials_fail(struct pando_credentials_fetch *fetch, int error,
                                                                 const char *format, ...);
/* Waits; false when everything is to end. */
bool pando_credentials_pause(const struct pando_credentials_fetch *fetch, unsigned ms);
/* A failure of the network, or an answer that is not 200, as an error. */
int pando_credentials_answer_error(const struct pando_http_answer *answer);

#endif
