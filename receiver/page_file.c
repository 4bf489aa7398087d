/* Why: receiver/page_file.h. Context: as there.
 * The page stays as it is: each reference to one of its files becomes that file, as a data: URL. Modules find each other by an import
 * map, since "./x.js" means nothing inside of a data: URL. The profile is JSON in which no "<" is left, so no name can end it. */
#include "receiver/page_file.h"

#include <string.h>

#include "base/error.h"
#include "profile/json_writer.h"
#include "receiver/page.h"
#include "receiver/page_api.h"

enum { NAME_MAX_BYTES = 200, TREE_MAX_BYTES = 1 << 29 };

/* Nothing but what is in the file: no connection, no frame, no form. */
static const char policy[] =
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline' data:; "
    "style-src 'unsafe-inline' data:; img-src data:; base-uri 'none'; form-action 'none'\">\n";
/* What needs a receiver is not offered. */
static const char style[] =
    "<style>#where > :not(b), .tools > :not(.grow):not(.search), .compare > :not(.vs) { display: none !important } #brand { pointer-events: none }</style>\n";

static void append_base64(struct pando_buffer *out, const unsigned char *bytes, size_t len_bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len_bytes; i += 3) {
        size_t have = len_bytes - i < 3 ? len_bytes - i : 3;
        uint32_t three = (uint32_t)bytes[i] << 16 | (have > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) | (have > 2 ? bytes[i + 2] : 0);
        char four[4] = {digits[three >> 18], digits[three >> 12 & 63], have > 1 ? digits[three >> 6 & 63] : '=',
                        have > 2 ? digits[three & 63] : '='};
        pando_buffer_append(out, four, sizeof four);
    }
}

static const struct pando_web_asset *find_asset(const char *name, size_t name_bytes)
{
    for (size_t i = 0; i < pando_web_asset_count; i++)
        if (strlen(pando_web_assets[i].name) == name_bytes && memcmp(pando_web_assets[i].name, name, name_bytes) == 0)
            return &pando_web_assets[i];
    return NULL;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len > end_len && strcmp(text + len - end_len, end) == 0;
}

/* A module's text, in which "./x.js" is "pando/x.js". */
static void append_module(struct pando_buffer *out, const struct pando_web_asset *asset)
{
    static const char relative[] = "\"./";
    const char *at = (const char *)asset->bytes, *end = at + asset->len_bytes;
    for (const char *found; (found = memmem(at, (size_t)(end - at), relative, sizeof relative - 1)) != NULL; at = found + sizeof relative - 1) {
        pando_buffer_append(out, at, (size_t)(found - at));
        pando_buffer_append_text(out, "\"pando/");
    }
    if (at != end)
        pando_buffer_append(out, at, (size_t)(end - at));
}

static void append_url(struct pando_buffer *out, const struct pando_web_asset *asset)
{
    struct pando_buffer module;
    const char *semicolon = strchr(asset->content_type, ';');
    size_t type_bytes = semicolon != NULL ? (size_t)(semicolon - asset->content_type) : strlen(asset->content_type);
    pando_buffer_append_text(out, "data:");
    pando_buffer_append(out, asset->content_type, type_bytes);
    pando_buffer_append_text(out, ";base64,");
    if (!ends_with(asset->name, ".js")) {
        append_base64(out, asset->bytes, asset->len_bytes);
        return;
    }
    pando_buffer_init(&module, 2 * asset->len_bytes + 1);
    append_module(&module, asset);
    if (module.failed == 0 && module.len_bytes != 0)
        append_base64(out, (const unsigned char *)module.bytes, module.len_bytes);
    pando_buffer_release(&module);
}

static void append_import_map(struct pando_buffer *out)
{
    bool is_first = true;
    pando_buffer_append_text(out, "<script type=\"importmap\">{\"imports\":{");
    for (size_t i = 0; i < pando_web_asset_count; i++) {
        if (!ends_with(pando_web_assets[i].name, ".js"))
            continue;
        pando_buffer_append_format(out, "%s\"pando/%s\":\"", is_first ? "" : ",\n", pando_web_assets[i].name);
        append_url(out, &pando_web_assets[i]);
        pando_buffer_append_char(out, '"');
        is_first = false;
    }
    pando_buffer_append_text(out, "}}</script>\n");
}

/* The page knows groups by names of few characters. */
static void group_name(const char *title, char name[NAME_MAX_BYTES])
{
    static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t len = 0;
    for (; title[len] != '\0' && len < NAME_MAX_BYTES - 1; len++)
        name[len] = strchr(good, title[len]) != NULL ? title[len] : '_';
    if (len == 0)
        name[len++] = '_';
    name[len] = '\0';
}

/* JSON in which no "<" is left. */
static void append_json(struct pando_buffer *out, const char *id, const char *text)
{
    pando_buffer_append_format(out, "<script type=\"application/json\" id=\"%s\">", id);
    for (size_t plain;; text += plain + 1) {
        plain = strcspn(text, "<");
        pando_buffer_append(out, text, plain);
        if (text[plain] == '\0')
            break;
        pando_buffer_append_text(out, "\\u003c");
    }
    pando_buffer_append_text(out, "</script>\n");
}

/* What stands before the page's own style sheets and scripts. */
static void append_head(struct pando_buffer *out, const struct pando_page_file_trees *trees)
{
    static const char shim[] = "standalone.js";
    const struct pando_web_asset *asset = find_asset(shim, sizeof shim - 1);
    pando_buffer_append_text(out, policy);
    pando_buffer_append_text(out, style);
    append_import_map(out);
    append_json(out, "pando-data", trees->tree);
    if (trees->base != NULL)
        append_json(out, "pando-base", trees->base);
    if (trees->view != NULL)
        append_json(out, "pando-view", trees->view);
    pando_buffer_append_text(out, "<script src=\"");
    if (asset != NULL)
        append_url(out, asset);
    pando_buffer_append_text(out, "\"></script>\n");
}

int pando_page_file_write_trees(const struct pando_page_file_trees *trees, struct pando_buffer *out)
{
    static const char index[] = "index.html", reference[] = "\"/web/", first[] = "<link ";
    const struct pando_web_asset *page = find_asset(index, sizeof index - 1);
    const char *at = page != NULL ? (const char *)page->bytes : "", *end = at + (page != NULL ? page->len_bytes : 0);
    const char *head = memmem(at, (size_t)(end - at), first, sizeof first - 1);
    if (head == NULL)
        return PANDO_ERR_NOT_FOUND;
    pando_buffer_append(out, at, (size_t)(head - at));
    append_head(out, trees);
    at = head;
    for (const char *found; (found = memmem(at, (size_t)(end - at), reference, sizeof reference - 1)) != NULL;) {
        const char *name = found + sizeof reference - 1, *quote = memchr(name, '"', (size_t)(end - name));
        const struct pando_web_asset *asset = quote != NULL ? find_asset(name, (size_t)(quote - name)) : NULL;
        pando_buffer_append(out, at, (size_t)(found + 1 - at));
        if (asset != NULL)
            append_url(out, asset);
        at = quote != NULL ? quote : end;
    }
    pando_buffer_append(out, at, (size_t)(end - at));
    return out->failed;
}

int pando_page_file_write(const struct pando_page_file *file, struct pando_buffer *out)
{
    struct pando_buffer tree;
    char group[NAME_MAX_BYTES];
    struct pando_profile *profile = (struct pando_profile *)file->profile; /* only read */
    struct pando_page_sum sum = {.whole = profile, .shown = profile, .count = file->profile_count != 0 ? file->profile_count : 1,
                                 .has_states = file->has_states, .view = file->view};
    memcpy(sum.totals, file->totals, sizeof sum.totals);
    group_name(file->title, group);
    pando_buffer_init(&tree, TREE_MAX_BYTES);
    pando_page_write_tree(&tree, group, &sum);
    int error = tree.failed;
    if (error == 0)
        error = pando_page_file_write_trees(&(struct pando_page_file_trees){.tree = tree.bytes}, out);
    pando_buffer_release(&tree);
    return error;
}

static int encode(const struct pando_profile *profile, const struct pando_export_about *about, struct pando_buffer *out)
{
    struct pando_page_file file = {.title = about->title, .profile_count = about->profile_count};
    struct pando_profile *shown;
    file.has_states = pando_profile_state_totals(profile, file.totals);
    file.view = pando_profile_view_settle(about->view, file.totals);
    /* A view that is not the default always makes a profile of its own. */
    int error = pando_profile_view((struct pando_profile *)profile, file.view, &shown);
    if (error != 0)
        return error;
    file.profile = shown;
    error = pando_page_file_write(&file, out);
    if (shown != profile)
        pando_profile_free(shown);
    return error;
}

const struct pando_export_format pando_page_file_format = {"html", "text/html; charset=utf-8", {".html"}, false, false, encode};
