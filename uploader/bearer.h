/* Why: a receiver of one's own may ask for a token (Authorization: Bearer). It comes from PANDO_TOKEN, or, where it rotates, from the
 * file that PANDO_TOKEN_FILE names, which is read for each request.
 * Context: the upload thread; check: setup. The token is never logged. Private to uploader/. */
#ifndef PANDO_UPLOADER_BEARER_H
#define PANDO_UPLOADER_BEARER_H

#include <stddef.h>

enum { PANDO_BEARER_BYTES = 4096 };

/* Whether what the environment says can be right. 0, or PANDO_ERR_INVALID with a sentence. `environment` as in base/environment.h. */
int pando_bearer_check(const char *environment, char *message, size_t message_bytes);
/* Writes the token, "" when none is set; wipe it after use. 0, or an error of the file's with a clause in `reason`. */
int pando_bearer_read(const char *environment, char token[PANDO_BEARER_BYTES], char *reason, size_t reason_bytes);

#endif
