/* Why: getenv in a process of somebody else's may run into its setenv, and what it returns may be freed by it. So what Pando wants to
 * know of the environment is copied once, at the start, and looked up in the copy ever after.
 * Context: capture: setup, the host's thread; get: any. A block is "NAME=value" texts, one after the other, with an empty one at the
 * end. It may hold secrets (AWS_SECRET_ACCESS_KEY): never log it. */
#ifndef PANDO_BASE_ENVIRONMENT_H
#define PANDO_BASE_ENVIRONMENT_H

#include <stddef.h>

enum { PANDO_ENVIRONMENT_BYTES = 24 * 1024 };

/* Copies the variables that concern Pando (its own, AWS's, proxies, certificates, debug servers, HOME). One that does not fit is left out.
 * Nothing is copied in a program that runs with the privileges of its file. Returns how many were left out. */
unsigned pando_environment_capture(char *block, size_t block_bytes);
/* The value of `name`, or NULL when it is not set or empty. A NULL block: the process's environment itself (own programs). */
const char *pando_environment_get(const char *block, const char *name);

#endif
