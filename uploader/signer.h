/* Why: what a signature needs beside the request: credentials, the region, and what the server's clock says.
 * Context: the upload thread. Private to uploader/. */
#ifndef PANDO_UPLOADER_SIGNER_H
#define PANDO_UPLOADER_SIGNER_H

#include "uploader/aws_request.h"
#include "uploader/credentials.h"

enum { PANDO_SIGNER_REGION_BYTES = 64, PANDO_SKEW_MIN_S = 240 };

struct pando_signer {
    const char *environment;
    struct pando_credentials_chain *chain;
    char region[PANDO_SIGNER_REGION_BYTES]; /* "": to be found out from the machine's metadata service */
    int64_t offset_s;                       /* the server's clock minus ours */
    const char *said_source;                /* of the credentials used last */
    bool has_new_source;                    /* since the caller looked */
};

/* `region` "" is looked up when it is first needed. NULL: no memory. */
struct pando_signer *pando_signer_new(const char *environment, const char *region);
void pando_signer_free(struct pando_signer *signer);
/* Sends the request signed for codeguru-profiler. Once more at once when the answer says that our clock is wrong, or that the
 * credentials are no longer good. Without credentials nothing is sent: PANDO_TRY_NO_CREDENTIALS. */
void pando_signer_send(struct pando_signer *signer, struct pando_http *http, const struct pando_aws_request *request,
                       const atomic_bool *abort, struct pando_http_answer *ret_answer, char *reason, size_t reason_bytes);
/* The region is known afterwards, or an error with its reason comes back. */
int pando_signer_find_region(struct pando_signer *signer, struct pando_http *http, const atomic_bool *abort, char *reason,
                             size_t reason_bytes);

/* What an answer says about the signature. Pure. */
enum pando_signer_verdict { PANDO_SIGNATURE_NO_MATTER, PANDO_SIGNATURE_CLOCK, PANDO_SIGNATURE_CREDENTIALS };
/* `offset_s` was used for the request, `now_wall_s` is our clock; *ret_offset_s is better when the clock is to blame. */
enum pando_signer_verdict pando_signer_judge(const struct pando_http_answer *answer, int64_t now_wall_s, int64_t offset_s,
                                             int64_t *ret_offset_s);

#endif
