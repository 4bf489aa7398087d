/* Why: in a Lambda function Amazon's agents make the profiling group themselves when the service does not know it: nobody has had a
 * chance to do so before its first invocation.
 * Context: the upload thread. Private to uploader/. */
#ifndef PANDO_UPLOADER_GROUP_H
#define PANDO_UPLOADER_GROUP_H

#include <stdbool.h>

#include "uploader/post.h"

/* Whether a group that is not there is to be made: requests are signed, and this is a Lambda function. */
bool pando_group_is_made(const struct pando_destination *destination);
/* CreateProfilingGroup. True when the group is there now, whoever made it; else `reason` has a clause. */
bool pando_group_make(struct pando_destination *destination, struct pando_http *http, const atomic_bool *abort, char *reason,
                      size_t reason_bytes);

#endif
