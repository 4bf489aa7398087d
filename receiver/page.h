/* Why: the files of receiver/web/, which are part of the program (cmake/ turns them into web_assets.c).
 * Context: own process. */
#ifndef PANDO_RECEIVER_PAGE_H
#define PANDO_RECEIVER_PAGE_H

#include <stddef.h>

struct pando_web_asset {
    const char *name;          /* "index.html" */
    const char *content_type;
    const char *etag;          /* of its bytes, with quotes */
    const unsigned char *bytes;
    size_t len_bytes;
};

extern const struct pando_web_asset pando_web_assets[];
extern const size_t pando_web_asset_count;
/* speedscope (receiver/vendor/), a page of its own. */
extern const struct pando_web_asset pando_speedscope_assets[];
extern const size_t pando_speedscope_asset_count;

#endif
