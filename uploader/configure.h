/* Why: ConfigureAgent: asks the service before each interval how to profile, and keeps what it said.
 * Context: the upload thread. Private to uploader/. */
#ifndef PANDO_UPLOADER_CONFIGURE_H
#define PANDO_UPLOADER_CONFIGURE_H

#include "uploader/orchestration.h"
#include "uploader/post.h"

/* Asks once, and brings `orders` up to date. `fleet_id` is who we are. *ret_changed: what is said in `reason` is worth a line
 * in the log, since the last answer was another. `last_status`: of the answer before (0 at first, -1 no answer), and afterwards. */
void pando_configure(struct pando_destination *destination, struct pando_http *http, const char *fleet_id, const atomic_bool *abort,
                     struct pando_uploader_orders *orders, long *last_status, bool *ret_changed, char *reason, size_t reason_bytes);

#endif
