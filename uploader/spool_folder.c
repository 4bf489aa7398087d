/* Why: uploader/spool_folder.h. Context: worker. */
#include "uploader/spool_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "uploader/spool_owner.h"

enum { LEFTOVER_S = 3600 };

int pando_spool_folder_open(const char *path)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return PANDO_ERR_IO;
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0)
        return PANDO_ERR_IO;
    struct stat state;
    if (fstat(folder, &state) == 0 && state.st_uid == geteuid() && (state.st_mode & 077) == 0)
        return folder;
    close(folder);
    return PANDO_ERR_REFUSED;
}

static int compare(const void *a, const void *b)
{
    const struct pando_spool_entry *left = a, *right = b;
    if (left->name.sealed_wall_ms != right->name.sealed_wall_ms)
        return left->name.sealed_wall_ms < right->name.sealed_wall_ms ? -1 : 1;
    return strcmp(left->name.token, right->name.token);
}

/* What a writer that was killed has left. A live one is left alone, however the clock has been set meanwhile; one that only seems to
 * be gone (another pid namespace) has an hour. False: it is no such file. */
static bool delete_leftover(int folder, const char *name)
{
    struct stat state;
    uint32_t pid;
    uint64_t start;
    if (!pando_spool_new_name_read(name, &pid, &start))
        return false;
    if (pando_spool_start_of(pid) != start && fstatat(folder, name, &state, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(state.st_mode) &&
        llabs((int64_t)(pando_clock_wall_ns() / 1000000000u) - state.st_mtime) > LEFTOVER_S)
        unlinkat(folder, name, 0);
    return true;
}

static bool read_entry(int folder, const char *name, struct pando_spool_entry *entry)
{
    struct stat state;
    if (!pando_spool_name_read(name, &entry->name) || fstatat(folder, name, &state, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(state.st_mode) || state.st_uid != geteuid())
        return false;
    entry->bytes = (uint64_t)state.st_size;
    return true;
}

int pando_spool_folder_list(int folder, struct pando_spool_entry **ret_entries)
{
    int count = 0, copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = copy >= 0 ? fdopendir(copy) : NULL;
    struct pando_spool_entry *entries = malloc(PANDO_SPOOL_FILES_MAX * sizeof *entries);
    if (listing == NULL || entries == NULL) {
        if (listing != NULL)
            closedir(listing);
        else if (copy >= 0)
            close(copy);
        free(entries);
        return listing == NULL ? PANDO_ERR_IO : PANDO_ERR_NO_MEMORY;
    }
    for (struct dirent *found; count < PANDO_SPOOL_FILES_MAX && (found = readdir(listing)) != NULL;) {
        if (!delete_leftover(folder, found->d_name))
            count += read_entry(folder, found->d_name, &entries[count]);
    }
    closedir(listing);
    qsort(entries, (size_t)count, sizeof *entries, compare);
    *ret_entries = entries;
    return count;
}

unsigned pando_spool_folder_make_room(int folder, uint64_t more_bytes, uint64_t limit_bytes)
{
    struct pando_spool_entry *entries;
    int count = pando_spool_folder_list(folder, &entries);
    if (count < 0)
        return 0;
    uint64_t total = more_bytes;
    unsigned deleted = 0;
    for (int i = 0; i < count; i++)
        total += entries[i].bytes;
    int left = count;
    for (int i = 0; i < count && (total > limit_bytes || left >= PANDO_SPOOL_FILES_MAX); i++, left--) {
        char name[PANDO_SPOOL_NAME_BYTES];
        pando_spool_name_write(&entries[i].name, name);
        deleted += unlinkat(folder, name, 0) == 0;
        total -= entries[i].bytes;
    }
    free(entries);
    return deleted;
}
