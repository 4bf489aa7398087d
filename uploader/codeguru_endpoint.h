/* Why: where Amazon CodeGuru Profiler is, when the user has named no URL.
 * Context: setup, the upload thread. Private to uploader/. */
#ifndef PANDO_UPLOADER_CODEGURU_ENDPOINT_H
#define PANDO_UPLOADER_CODEGURU_ENDPOINT_H

#include <stddef.h>

/* The service's URL in `region`, or the one that AWS_ENDPOINT_URL_CODEGURUPROFILER or AWS_ENDPOINT_URL names; AWS_USE_FIPS_ENDPOINT and
 * AWS_USE_DUALSTACK_ENDPOINT are obeyed. 0, or PANDO_ERR_LIMIT. */
int pando_codeguru_url(const char *environment, const char *region, char *url, size_t url_bytes);
/* The region of the profile in AWS's shared files. 0, or PANDO_ERR_NOT_FOUND. */
int pando_codeguru_profile_region(const char *environment, char *region, size_t region_bytes);

#endif
