/* Why: serves the page. No file is ever opened: a path is compared with the names of what is built in.
 * Context: own process; the connection's thread. */
#include "receiver/page.h"

#include <string.h>

#include "receiver/routes.h"

void pando_serve_page(struct pando_request *request)
{
    const char *name = request->rest != NULL ? request->rest : "index.html";
    for (size_t i = 0; i < pando_web_asset_count; i++) {
        const struct pando_web_asset *asset = &pando_web_assets[i];
        if (strcmp(asset->name, name) != 0)
            continue;
        if (pando_request_unchanged(request, asset->etag))
            return;
        request->answer.status = 200;
        request->answer.content_type = asset->content_type;
        request->answer.fixed_bytes = (const char *)asset->bytes;
        request->answer.fixed_len_bytes = asset->len_bytes;
        return;
    }
    pando_request_refuse(request, 404, PANDO_NOT_FOUND, "There is nothing at this path.");
}
