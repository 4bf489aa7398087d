/* Why: the source of a sampled function, where it is at hand on the receiver's machine. A profile is other people's claim: what it
 * names is shown only if it is a source file by its ending, regular and of a sensible size, and only to whom the receiver may
 * show files at all (receiver.h, source_root).
 * Context: own process; the connection's thread. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "profile/json_writer.h"
#include "profile/utf8.h"
#include "receiver/page_api.h"
#include "receiver/routes.h"

enum { SOURCE_MAX_BYTES = 16 << 20, REASON_BYTES = PATH_MAX + 256 };

static const char *const endings[] = {
    ".c", ".cc", ".cpp", ".cxx", ".c++", ".C", ".h", ".hh", ".hpp", ".hxx", ".h++", ".H", ".inc", ".inl", ".ipp", ".tcc", ".def", ".y", ".l", ".re",
    ".rs", ".zig", ".go", ".d", ".nim", ".v", ".swift", ".m", ".mm", ".f", ".f90", ".F90", ".s", ".S", ".asm", ".ml", ".hs", ".cr", ".pas",
    ".ada", ".adb", ".cu", ".cuh", ".ispc", ".java", ".kt", ".scala", ".py", ".pyx", ".rb", ".php", ".lua", ".pl", ".js", ".ts"};

static bool is_source_name(const char *path)
{
    const char *name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path, *dot = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < sizeof endings / sizeof endings[0]; i++)
        if (strcmp(dot, endings[i]) == 0)
            return true;
    return false;
}

static bool is_named(const struct pando_profile *profile, const char *file)
{
    for (uint32_t i = 0; i < profile->frame_count; i++)
        if (profile->frames[i].file != 0 && strcmp(profile->strings[profile->frames[i].file], file) == 0)
            return true;
    return false;
}

/* Where the file is, without links. Under a root, a name counts from there, with the root's own path before it or not. */
static bool resolve(const char *root, const char *file, char real[PATH_MAX], char reason[REASON_BYTES])
{
    char base[PATH_MAX], path[2 * PATH_MAX];
    size_t base_len = 0;
    if (root == NULL && file[0] != '/') {
        snprintf(reason, REASON_BYTES, "%s is no whole path: start the receiver with --source-root FOLDER, the folder that it counts from.", file);
        return false;
    }
    if (root != NULL) {
        if (realpath(root, base) == NULL) {
            snprintf(reason, REASON_BYTES, "The folder of --source-root cannot be read: %s.", strerror(errno));
            return false;
        }
        base_len = strcmp(base, "/") != 0 ? strlen(base) : 0;
    }
    bool has_base = base_len != 0 && strncmp(file, base, base_len) == 0 && file[base_len] == '/';
    snprintf(path, sizeof path, "%.*s%s%s", has_base ? 0 : (int)base_len, base, file[0] == '/' ? "" : "/", file);
    if (realpath(path, real) == NULL) {
        snprintf(reason, REASON_BYTES, "%s is not on the receiver's machine (%s).", file, strerror(errno));
        return false;
    }
    if (base_len != 0 && (strncmp(real, base, base_len) != 0 || real[base_len] != '/')) {
        snprintf(reason, REASON_BYTES, "%s is not in the folder of --source-root.", file);
        return false;
    }
    return true;
}

/* Appends the file's text, as UTF-8 whatever it was. */
static bool read_source(const char *real, const char *file, struct pando_buffer *text, char reason[REASON_BYTES])
{
    struct stat about;
    char *bytes = NULL;
    int fd = is_source_name(real) ? open(real, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY) : -1;
    bool is_good = fd >= 0 && fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_size <= SOURCE_MAX_BYTES &&
                   (bytes = malloc(SOURCE_MAX_BYTES)) != NULL;
    ssize_t len = 0;
    for (ssize_t got = 1; is_good && got > 0 && len < SOURCE_MAX_BYTES; len += got) {
        got = read(fd, bytes + len, (size_t)(SOURCE_MAX_BYTES - len));
        is_good = got >= 0;
    }
    if (is_good)
        is_good = memchr(bytes, '\0', (size_t)len) == NULL;
    for (ssize_t i = 0; is_good && i < len;) {
        size_t sequence = pando_utf8_sequence(bytes + i, (size_t)(len - i));
        is_good = (sequence != 0 ? pando_buffer_append(text, bytes + i, sequence) : pando_buffer_append_text(text, PANDO_UTF8_REPLACEMENT)) == 0;
        i += sequence != 0 ? (ssize_t)sequence : 1;
    }
    if (!is_good)
        snprintf(reason, REASON_BYTES, "%s cannot be shown: it is no source file by its ending, larger than 16 MiB, no text, or may not be read.", file);
    free(bytes);
    if (fd >= 0)
        close(fd);
    return is_good;
}

static bool find_source(struct pando_request *request, const char *file, const struct pando_profile *profile,
                        struct pando_buffer *text, char reason[REASON_BYTES])
{
    char real[PATH_MAX];
    const struct pando_service *service = request->service;
    if (!service->shows_sources) {
        snprintf(reason, REASON_BYTES, "This receiver can be asked from elsewhere, so it shows no files: start it with --source-root FOLDER to show the sources in a folder.");
        return false;
    }
    if (!is_named(profile, file)) {
        snprintf(reason, REASON_BYTES, "No profile of this time names this file.");
        return false;
    }
    return resolve(service->source_root[0] != '\0' ? service->source_root : NULL, file, real, reason) && read_source(real, file, text, reason);
}

/* 200 in any case that the user can see and do something about: a browser would put anything else on its console. */
void pando_serve_source(struct pando_request *request)
{
    struct pando_page_query query;
    struct pando_page_sum sum;
    unsigned count;
    const char *file = pando_request_query(request, "file", &count);
    if (count != 1 || file == NULL || file[0] == '\0' || strlen(file) >= PATH_MAX) {
        pando_request_refuse(request, 400, PANDO_VALIDATION, "file must be given once: a source file's name, as in the tree.");
        return;
    }
    if (pando_page_query_take(request, &query) != 0 || pando_page_sum(request, &query, &sum) != 0)
        return;
    char reason[REASON_BYTES] = "";
    struct pando_buffer text, *out = &request->answer.body;
    pando_buffer_init(&text, 3 * SOURCE_MAX_BYTES + 1);
    bool is_found = find_source(request, file, sum.whole, &text, reason) && pando_buffer_append_char(&text, '\0') == 0;
    pando_buffer_init(out, PANDO_PAGE_ANSWER_MAX_BYTES);
    pando_buffer_append_char(out, '{');
    pando_json_key(out, is_found ? "text" : "reason");
    pando_json_write_string(out, is_found ? text.bytes : reason);
    pando_buffer_append_char(out, '}');
    pando_buffer_release(&text);
    pando_page_sum_release(&sum);
    pando_page_finish(request);
}
