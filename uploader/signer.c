/* Why: uploader/signer.h. Context: the upload thread. */
#include "uploader/signer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "uploader/metadata_service.h"

static int64_t now_wall_s(void)
{
    return (int64_t)(pando_clock_wall_ns() / 1000000000u);
}

struct pando_signer *pando_signer_new(const char *environment, const char *region)
{
    struct pando_signer *signer = calloc(1, sizeof *signer);
    if (signer == NULL)
        return NULL;
    signer->environment = environment;
    snprintf(signer->region, sizeof signer->region, "%s", region);
    signer->chain = pando_credentials_chain_new(environment);
    if (signer->chain == NULL) {
        free(signer);
        return NULL;
    }
    return signer;
}

void pando_signer_free(struct pando_signer *signer)
{
    if (signer == NULL)
        return;
    pando_credentials_chain_free(signer->chain);
    free(signer);
}

static bool is_one_of(const char *type, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(type, names[i]) == 0)
            return true;
    }
    return false;
}

enum pando_signer_verdict pando_signer_judge(const struct pando_http_answer *answer, int64_t now, int64_t offset_s,
                                             int64_t *ret_offset_s)
{
    static const char *const of_clock[] = {"InvalidSignatureException", "SignatureDoesNotMatch", "RequestTimeTooSkewed",
                                           "RequestExpired", "RequestInTheFuture", "AuthFailure", "SignatureExpired"};
    static const char *const of_credentials[] = {"ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException",
                                                 "InvalidClientTokenId", "TokenRefreshRequired", "InvalidToken"};
    long status = answer->outcome.status;
    if (answer->outcome.failure != PANDO_TRY_ANSWERED || status < 400 || status > 499)
        return PANDO_SIGNATURE_NO_MATTER;
    if (is_one_of(answer->error_type, of_credentials, sizeof of_credentials / sizeof of_credentials[0]))
        return PANDO_SIGNATURE_CREDENTIALS;
    bool may_be_clock = status == 403 || status == 401 ||
                        is_one_of(answer->error_type, of_clock, sizeof of_clock / sizeof of_clock[0]);
    int64_t seen_s = answer->date_wall_s - now;
    if (may_be_clock && answer->date_wall_s != 0 && llabs(seen_s - offset_s) >= PANDO_SKEW_MIN_S) {
        *ret_offset_s = seen_s;
        return PANDO_SIGNATURE_CLOCK;
    }
    return PANDO_SIGNATURE_NO_MATTER;
}

int pando_signer_find_region(struct pando_signer *signer, struct pando_http *http, const atomic_bool *abort, char *reason,
                             size_t reason_bytes)
{
    struct pando_metadata_service service;
    struct pando_credentials_fetch fetch = {.environment = signer->environment, .http = http, .abort = abort, .region = "",
                                            .reason = reason, .reason_bytes = reason_bytes};
    if (signer->region[0] != '\0')
        return 0;
    char region[PANDO_SIGNER_REGION_BYTES];
    int error = pando_metadata_service_open(&fetch, &service);
    if (error == 0)
        error = pando_metadata_service_word(&fetch, &service, "/latest/meta-data/placement/region", region, sizeof region);
    explicit_bzero(&service, sizeof service);
    if (error == 0 && strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(region))
        error = PANDO_ERR_SYNTAX;
    if (error == 0)
        memcpy(signer->region, region, sizeof region);
    else
        snprintf(reason, reason_bytes, "no AWS region is known; set AWS_REGION");
    return error;
}

static bool try_once(struct pando_signer *signer, struct pando_http *http, const struct pando_aws_request *request,
                     const atomic_bool *abort, struct pando_http_answer *ret_answer, char *reason, size_t reason_bytes)
{
    const struct pando_credentials *credentials;
    int64_t wall_s = now_wall_s() + signer->offset_s;
    *ret_answer = (struct pando_http_answer){.outcome.failure = PANDO_TRY_NO_CREDENTIALS, .body = ""};
    if (pando_signer_find_region(signer, http, abort, reason, reason_bytes) != 0 ||
        pando_credentials_get(signer->chain, http, signer->region, wall_s, abort, &credentials, reason, reason_bytes) != 0) {
        if (atomic_load_explicit(abort, memory_order_relaxed))
            ret_answer->outcome.failure = PANDO_TRY_ABORTED;
        return false;
    }
    signer->has_new_source |= signer->said_source != credentials->source;
    signer->said_source = credentials->source;
    const struct pando_sigv4_key key = {.access_key_id = credentials->access_key_id, .secret = credentials->secret,
                                        .session_token = credentials->session_token, .region = signer->region,
                                        .service = "codeguru-profiler"};
    pando_aws_request_send(http, request, &key, wall_s, abort, ret_answer, reason, reason_bytes);
    return true;
}

void pando_signer_send(struct pando_signer *signer, struct pando_http *http, const struct pando_aws_request *request,
                       const atomic_bool *abort, struct pando_http_answer *ret_answer, char *reason, size_t reason_bytes)
{
    if (!try_once(signer, http, request, abort, ret_answer, reason, reason_bytes))
        return;
    switch (pando_signer_judge(ret_answer, now_wall_s(), signer->offset_s, &signer->offset_s)) {
    case PANDO_SIGNATURE_CREDENTIALS:
        pando_credentials_distrust(signer->chain);
        break;
    case PANDO_SIGNATURE_CLOCK:
        break;
    case PANDO_SIGNATURE_NO_MATTER:
        return;
    }
    try_once(signer, http, request, abort, ret_answer, reason, reason_bytes);
}
