/* Why: uploader/group.h. Context: the upload thread. */
#include "uploader/group.h"

#include <stdio.h>

#include "base/environment.h"

bool pando_group_is_made(const struct pando_destination *destination)
{
    return destination->signer != NULL && pando_environment_get(destination->environment, "LAMBDA_TASK_ROOT") != NULL &&
           pando_environment_get(destination->environment, "LAMBDA_RUNTIME_DIR") != NULL;
}

bool pando_group_make(struct pando_destination *destination, struct pando_http *http, const atomic_bool *abort, char *reason,
                      size_t reason_bytes)
{
    char body[512], query[32 + PANDO_TOKEN_SIZE], token[PANDO_TOKEN_SIZE];
    struct pando_http_answer answer;
    if (pando_token_make(token) != 0) {
        snprintf(reason, reason_bytes, "there is no randomness for a token");
        return false;
    }
    snprintf(query, sizeof query, "clientToken=%s", token);
    int len = snprintf(body, sizeof body, "{\"profilingGroupName\": \"%.255s\", \"computePlatform\": \"AWSLambda\", "
                       "\"agentOrchestrationConfig\": {\"profilingEnabled\": true}}", destination->group);
    pando_destination_send_to(destination, http, "/profilingGroups", query, "application/json", body, (size_t)len, abort, &answer,
                              reason, reason_bytes);
    long status = answer.outcome.failure == PANDO_TRY_ANSWERED ? answer.outcome.status : 0;
    return (status >= 200 && status <= 299) || status == 409; /* another of the function's instances was first */
}
