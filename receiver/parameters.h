/* Why: what operations take from a request's query and body: each reads one thing, or refuses with a sentence that names it.
 * Context: own process; the connection's thread. All return 0 or PANDO_ERR_REFUSED. */
#ifndef PANDO_RECEIVER_PARAMETERS_H
#define PANDO_RECEIVER_PARAMETERS_H

#include <jansson.h>

#include "receiver/request.h"

/* A parameter, NULL when it is not there; more than one is refused. */
int pando_take_text(struct pando_request *request, const char *name, const char **ret_text);
/* A whole number in [min, max]; *ret_value stays when it is not there. */
int pando_take_number(struct pando_request *request, const char *name, uint64_t min, uint64_t max, uint64_t *ret_value);
/* "true" or "false"; *ret_value stays when it is not there. */
int pando_take_bool(struct pando_request *request, const char *name, bool *ret_value);
/* ISO 8601 time; *ret_is_there tells. Times before 1970 are 1970. */
int pando_take_iso_time(struct pando_request *request, const char *name, uint64_t *ret_ms, bool *ret_is_there);
/* A text of 1 to 64 letters, digits, '_' or '-'; NULL when it is not there. */
int pando_take_token(struct pando_request *request, const char *name, const char **ret_token);

/* The body as a JSON object, which is the caller's; an empty body is an empty object. */
int pando_take_object(struct pando_request *request, json_t **ret_object);

#endif
