/* Why: uploader/configure.h. Context: the upload thread. */
#include "uploader/configure.h"

#include <stdio.h>

#include "base/error.h"

void pando_configure(struct pando_destination *destination, struct pando_http *http, const char *fleet_id, const atomic_bool *abort,
                     struct pando_uploader_orders *orders, long *last_status, bool *ret_changed, char *reason, size_t reason_bytes)
{
    char body[512];
    struct pando_http_answer answer;
    /* An identity has no character that JSON would escape: a UUID, a host's name, an ARN. */
    int len = snprintf(body, sizeof body, "{\"fleetInstanceId\": \"%.255s\", \"metadata\": {}}", fleet_id);
    pando_destination_send(destination, http, "configureAgent", "", "application/json", body, (size_t)len, abort, &answer, reason,
                           reason_bytes);
    if (answer.outcome.failure == PANDO_TRY_ABORTED)
        return;
    long status = answer.outcome.failure == PANDO_TRY_ANSWERED ? answer.outcome.status : -1;
    if (status == 200 && pando_orchestration_read(answer.body, answer.body_bytes, orders) != 0) {
        snprintf(reason, reason_bytes, "the answer makes no sense");
        status = -2;
    } else if (status != 200 && pando_orchestration_judge(&answer.outcome) == PANDO_ORDERS_PAUSE) {
        orders->is_paused = true;
    }
    if (status == 200)
        snprintf(reason, reason_bytes, "%s", orders->is_paused ? "profiling is off" : "profiling is on");
    *ret_changed = status != *last_status;
    *last_status = status;
    orders->answers++;
}
