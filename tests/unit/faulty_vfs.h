/* Why: lets a test refuse the Nth call that SQLite makes of the file system, once or from then on. Becomes SQLite's default way to
 * files; nothing is really synced, so that thousands of runs are quick.
 * Context: included by one file of a test program. One thread. */
#ifndef PANDO_TESTS_FAULTY_VFS_H
#define PANDO_TESTS_FAULTY_VFS_H

#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include <sqlite3.h>

static sqlite3_vfs *faulty_below, faulty_vfs;
static long faulty_countdown = LONG_MAX, faulty_refused;
static bool faulty_goes_on;

struct faulty_file {
    sqlite3_file base; /* its methods are ours */
    sqlite3_file *below;
};

static bool faulty_now(void)
{
    if (faulty_countdown == LONG_MAX)
        return false;
    long left = --faulty_countdown;
    bool refused = left == 0 || (left < 0 && faulty_goes_on);
    faulty_refused += refused;
    return refused;
}

#define BELOW(file) (((struct faulty_file *)(file))->below)

static int faulty_close(sqlite3_file *file) { return BELOW(file)->pMethods->xClose(BELOW(file)); }
static int faulty_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 at)
{
    return faulty_now() ? SQLITE_IOERR_READ : BELOW(file)->pMethods->xRead(BELOW(file), bytes, count, at);
}
/* Half of it is written: as a disk does that becomes full. */
static int faulty_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 at)
{
    if (!faulty_now())
        return BELOW(file)->pMethods->xWrite(BELOW(file), bytes, count, at);
    BELOW(file)->pMethods->xWrite(BELOW(file), bytes, count / 2, at);
    return faulty_refused % 2 == 0 ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}
static int faulty_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return faulty_now() ? SQLITE_IOERR_TRUNCATE : BELOW(file)->pMethods->xTruncate(BELOW(file), size);
}
static int faulty_sync(sqlite3_file *file, int flags) { (void)file; (void)flags; return faulty_now() ? SQLITE_IOERR_FSYNC : SQLITE_OK; }
static int faulty_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return faulty_now() ? SQLITE_IOERR_FSTAT : BELOW(file)->pMethods->xFileSize(BELOW(file), size);
}
static int faulty_lock(sqlite3_file *file, int level)
{
    return faulty_now() ? SQLITE_IOERR_LOCK : BELOW(file)->pMethods->xLock(BELOW(file), level);
}
static int faulty_unlock(sqlite3_file *file, int level) { return BELOW(file)->pMethods->xUnlock(BELOW(file), level); }
static int faulty_reserved(sqlite3_file *file, int *out) { return BELOW(file)->pMethods->xCheckReservedLock(BELOW(file), out); }
static int faulty_control(sqlite3_file *file, int code, void *data)
{
    return BELOW(file)->pMethods->xFileControl(BELOW(file), code, data);
}
static int faulty_sector(sqlite3_file *file) { return BELOW(file)->pMethods->xSectorSize(BELOW(file)); }
static int faulty_traits(sqlite3_file *file) { return BELOW(file)->pMethods->xDeviceCharacteristics(BELOW(file)); }
static int faulty_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return faulty_now() ? SQLITE_IOERR_SHMMAP : BELOW(file)->pMethods->xShmMap(BELOW(file), page, size, extend, out);
}
static int faulty_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return BELOW(file)->pMethods->xShmLock(BELOW(file), offset, n, flags);
}
static void faulty_shm_barrier(sqlite3_file *file) { BELOW(file)->pMethods->xShmBarrier(BELOW(file)); }
static int faulty_shm_unmap(sqlite3_file *file, int remove) { return BELOW(file)->pMethods->xShmUnmap(BELOW(file), remove); }

static const sqlite3_io_methods faulty_methods = {
    2, faulty_close, faulty_read, faulty_write, faulty_truncate, faulty_sync, faulty_size, faulty_lock, faulty_unlock, faulty_reserved,
    faulty_control, faulty_sector, faulty_traits, faulty_shm_map, faulty_shm_lock, faulty_shm_barrier, faulty_shm_unmap, NULL, NULL};

static int faulty_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *out_flags)
{
    (void)vfs;
    struct faulty_file *mine = (struct faulty_file *)file;
    mine->base.pMethods = NULL;
    if (faulty_now())
        return SQLITE_CANTOPEN;
    mine->below = (sqlite3_file *)(mine + 1);
    memset(mine->below, 0, (size_t)faulty_below->szOsFile);
    int code = faulty_below->xOpen(faulty_below, name, mine->below, flags, out_flags);
    if (code == SQLITE_OK)
        mine->base.pMethods = &faulty_methods;
    return code;
}

static int faulty_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    return faulty_now() ? SQLITE_IOERR_DELETE : faulty_below->xDelete(faulty_below, name, sync);
}

static void faulty_install(void)
{
    faulty_below = sqlite3_vfs_find(NULL);
    faulty_vfs = *faulty_below;
    faulty_vfs.zName = "faulty";
    faulty_vfs.szOsFile = (int)sizeof(struct faulty_file) + faulty_below->szOsFile;
    faulty_vfs.xOpen = faulty_open;
    faulty_vfs.xDelete = faulty_delete;
    sqlite3_vfs_register(&faulty_vfs, 1);
}

static void faulty_start(long nth, bool goes_on)
{
    faulty_refused = 0;
    faulty_goes_on = goes_on;
    faulty_countdown = nth;
}

static long faulty_stop(void)
{
    faulty_countdown = LONG_MAX;
    return faulty_refused;
}

#endif
