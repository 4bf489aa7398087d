/* Why: uploader/spool.h. Context: worker. A file appears whole or not at all: written under another name, brought to the disk, renamed,
 * and the folder brought to the disk too. */
#include "uploader/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "uploader/spool_folder.h"
#include "uploader/spool_owner.h"

enum { FILE_MAX_BYTES = 65 << 20 };

static void add(atomic_ullong *counter, unsigned long long value)
{
    atomic_fetch_add_explicit(counter, value, memory_order_relaxed);
}

static int write_all(int file, const char *bytes, size_t len_bytes)
{
    while (len_bytes != 0) {
        ssize_t done = write(file, bytes, len_bytes);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return PANDO_ERR_IO;
        bytes += done;
        len_bytes -= (size_t)done;
    }
    return 0;
}

static int write_new(const struct pando_spool *spool, int folder, const struct pando_payload *payload, const char *new_name)
{
    char header[PANDO_SPOOL_HEADER_BYTES];
    size_t header_bytes = pando_spool_header_write(payload, spool->group, header);
    int file = openat(folder, new_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0)
        return PANDO_ERR_IO;
    int error = fchmod(file, 0600) == 0 ? 0 : PANDO_ERR_IO; /* whatever the host's umask is */
    if (error == 0)
        error = write_all(file, header, header_bytes);
    if (error == 0)
        error = write_all(file, payload->bytes, payload->len_bytes);
    if (error == 0 && fsync(file) != 0)
        error = PANDO_ERR_IO;
    int cause = errno;
    if (close(file) != 0 && error == 0) {
        error = PANDO_ERR_IO;
        cause = errno;
    }
    errno = cause;
    return error;
}

static int write_file(struct pando_spool *spool, int folder, struct pando_payload *payload)
{
    char new_name[PANDO_SPOOL_NAME_BYTES], name[PANDO_SPOOL_NAME_BYTES];
    struct pando_spool_name parts = {.group_hash = pando_spool_group_hash(spool->group),
                                     .sealed_wall_ms = pando_clock_wall_ns() / 1000000u, .owner_pid = (uint32_t)getpid(),
                                     .owner_start = pando_spool_start_of((uint32_t)getpid())};
    memcpy(parts.token, payload->token, sizeof parts.token);
    pando_spool_name_write(&parts, name);
    pando_spool_new_name_write(&parts, new_name);
    if (payload->len_bytes + PANDO_SPOOL_HEADER_BYTES > spool->limit_bytes)
        return PANDO_ERR_LIMIT;
    add(&spool->counters->spool_dropped, pando_spool_folder_make_room(folder, payload->len_bytes + PANDO_SPOOL_HEADER_BYTES,
                                                                      spool->limit_bytes));
    int error = write_new(spool, folder, payload, new_name);
    if (error == 0 && renameat(folder, new_name, folder, name) != 0)
        error = PANDO_ERR_IO;
    if (error != 0) {
        int cause = errno;
        unlinkat(folder, new_name, 0);
        errno = cause;
        return error;
    }
    memcpy(payload->file_name, name, sizeof name);
    return fsync(folder) == 0 ? 0 : PANDO_ERR_IO;
}

int pando_spool_write(struct pando_spool *spool, struct pando_payload *payload, char *message, size_t message_bytes)
{
    message[0] = '\0';
    errno = 0;
    int folder = pando_spool_folder_open(spool->folder);
    int error = folder < 0 ? folder : write_file(spool, folder, payload);
    int cause = errno;
    if (folder >= 0)
        close(folder);
    if (error == 0) {
        atomic_store(&spool->has_failed, false);
        return 0;
    }
    add(&spool->counters->spool_failures, 1);
    if (!atomic_exchange(&spool->has_failed, true))
        snprintf(message, message_bytes, "%s",
                 error == PANDO_ERR_REFUSED ? "the folder must be this user's, and closed to others (mode 0700)"
                 : error == PANDO_ERR_LIMIT ? "the profile is larger than PANDO_SPOOL_MIB" : strerrordesc_np(cause));
    return error;
}

void pando_spool_remove(struct pando_spool *spool, struct pando_payload *payload)
{
    if (payload->file_name[0] == '\0')
        return;
    int folder = pando_spool_folder_open(spool->folder);
    if (folder >= 0) {
        unlinkat(folder, payload->file_name, 0);
        close(folder);
    }
    payload->file_name[0] = '\0';
}

static int read_file(int folder, const char *name, const char *group, struct pando_payload **ret_payload)
{
    int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    struct stat state;
    if (file < 0)
        return PANDO_ERR_IO;
    bool is_sane = fstat(file, &state) == 0 && S_ISREG(state.st_mode) && state.st_uid == geteuid() && state.st_nlink == 1 &&
                   state.st_size > 0 && state.st_size <= FILE_MAX_BYTES;
    char *bytes = is_sane ? malloc((size_t)state.st_size) : NULL;
    int error = !is_sane ? PANDO_ERR_SYNTAX : bytes == NULL ? PANDO_ERR_NO_MEMORY : 0;
    for (off_t len = 0; error == 0 && len < state.st_size;) {
        ssize_t got = read(file, bytes + len, (size_t)(state.st_size - len));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            error = got == 0 ? PANDO_ERR_SYNTAX : PANDO_ERR_IO;
        len += got > 0 ? got : 0;
    }
    if (error == 0)
        error = pando_spool_file_read(bytes, (size_t)state.st_size, group, ret_payload);
    free(bytes);
    close(file);
    return error;
}

/* Claims one by renaming it to this process's own: of several that want it, one succeeds. */
static struct pando_payload *claim(struct pando_spool *spool, int folder, const struct pando_spool_name *old, uint64_t own_start)
{
    struct pando_spool_name mine = *old;
    char old_text[PANDO_SPOOL_NAME_BYTES], new_text[PANDO_SPOOL_NAME_BYTES];
    mine.owner_pid = (uint32_t)getpid();
    mine.owner_start = own_start;
    pando_spool_name_write(old, old_text);
    pando_spool_name_write(&mine, new_text);
    struct pando_payload *payload = NULL;
    if (renameat(folder, old_text, folder, new_text) != 0)
        return NULL;
    int error = read_file(folder, new_text, spool->group, &payload);
    if (error == PANDO_ERR_SYNTAX) /* damaged: it will never be better */
        add(&spool->counters->spool_dropped, unlinkat(folder, new_text, 0) == 0);
    if (error != 0)
        return NULL;
    memcpy(payload->file_name, new_text, sizeof new_text);
    add(&spool->counters->posts_taken_over, 1);
    return payload;
}

static bool is_free(const struct pando_spool_name *name, uint64_t distance_ms)
{
    bool is_own = name->owner_pid == (uint32_t)getpid();
    return pando_spool_start_of(name->owner_pid) != name->owner_start || (is_own && distance_ms > PANDO_SPOOL_OWN_MS);
}

struct pando_payload *pando_spool_take(struct pando_spool *spool)
{
    struct pando_payload *payload = NULL;
    struct pando_spool_entry *entries = NULL;
    int folder = pando_spool_folder_open(spool->folder);
    if (folder < 0)
        return NULL;
    int count = pando_spool_folder_list(folder, &entries);
    uint64_t now_ms = pando_clock_wall_ns() / 1000000u, hash = pando_spool_group_hash(spool->group);
    uint64_t own_start = pando_spool_start_of((uint32_t)getpid());
    for (int i = 0; i < count && payload == NULL; i++) {
        const struct pando_spool_name *name = &entries[i].name;
        uint64_t age_ms = now_ms > name->sealed_wall_ms ? now_ms - name->sealed_wall_ms : 0;
        uint64_t distance_ms = age_ms != 0 ? age_ms : name->sealed_wall_ms - now_ms; /* the clock may have been set back since */
        if (name->group_hash != hash)
            continue;
        if (age_ms > PANDO_SPOOL_AGE_MAX_S * 1000ull) {
            char text[PANDO_SPOOL_NAME_BYTES];
            pando_spool_name_write(name, text);
            add(&spool->counters->spool_dropped, unlinkat(folder, text, 0) == 0);
        } else if (is_free(name, distance_ms)) {
            payload = claim(spool, folder, name, own_start);
        }
    }
    free(entries);
    close(folder);
    return payload;
}
