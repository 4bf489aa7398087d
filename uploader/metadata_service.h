/* Why: the metadata service of an EC2 machine (IMDS), version 2 only: version 1 gives credentials to whoever can make a program of
 * this machine fetch a URL.
 * Context: the upload thread. One second an exchange, so that a machine that is none of Amazon's is soon through. Private to
 * uploader/. */
#ifndef PANDO_UPLOADER_METADATA_SERVICE_H
#define PANDO_UPLOADER_METADATA_SERVICE_H

#include "uploader/credentials_source.h"

struct pando_metadata_service {
    char base_url[512];
    char token[256];
    uint32_t timeout_ms, tries;
};

/* 0; PANDO_ERR_NOT_FOUND: switched off, or nobody is there; another error and a reason. */
int pando_metadata_service_open(struct pando_credentials_fetch *fetch, struct pando_metadata_service *service);
/* GETs "/latest/meta-data/..."; the body is the HTTP client's until its next exchange. */
int pando_metadata_service_get(struct pando_credentials_fetch *fetch, struct pando_metadata_service *service, const char *path,
                               const char **ret_body, size_t *ret_body_bytes);
/* The same for one line of visible ASCII, copied. */
int pando_metadata_service_word(struct pando_credentials_fetch *fetch, struct pando_metadata_service *service, const char *path,
                                char *word, size_t word_bytes);

#endif
