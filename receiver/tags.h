/* Why: tags come in two operations' bodies and go out in three answers. The names of resources (ARNs) too.
 * Context: own process; the connection's thread. */
#ifndef PANDO_RECEIVER_TAGS_H
#define PANDO_RECEIVER_TAGS_H

#include <jansson.h>

#include "receiver/request.h"
#include "receiver/store_groups.h"

/* Reads the member "tags" of a body: an object of strings, of a bounded number and size. The texts belong to `body`. 0, or
 * PANDO_ERR_REFUSED with a sentence. NULL, without a member of that name, is no tags. */
int pando_tags_read(struct pando_request *request, const json_t *body, struct pando_tag tags[PANDO_TAGS_MAX], size_t *ret_count);
/* Writes ,"tags":{...} of a group. 0 or PANDO_ERR_IO. */
int pando_tags_write(struct pando_request *request, int64_t group_id, struct pando_buffer *out);

/* Writes ,"arn":"..." of a group. A receiver is of no region and no account; these stand for them. */
void pando_arn_write(struct pando_buffer *out, const char *group);

#endif
