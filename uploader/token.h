/* Why: the idempotency token of PostAgentProfile: a lower-case UUIDv4.
 * Context: worker. Source: RFC 4122 section 4.4; randomness from getrandom(2). */
#ifndef PANDO_UPLOADER_TOKEN_H
#define PANDO_UPLOADER_TOKEN_H

enum { PANDO_TOKEN_SIZE = 37 };

/* Writes 36 characters and a NUL. Returns 0, or PANDO_ERR_IO when the kernel gives no randomness. */
int pando_token_make(char token[PANDO_TOKEN_SIZE]);

#endif
