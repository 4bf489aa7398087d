/* Why: symbols/object_file.h. Context: worker. */
#include "symbols/object_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"

enum {
    LOWEST_FD = 10,      /* shells and daemons count on the numbers below */
    PROBES = 32,         /* places at which memory and file are compared */
    PROBE_BYTES = 64,
};

int pando_object_file_open_path(const char *path)
{
    /* O_NONBLOCK: a FIFO may stand at the path by now. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fd >= LOWEST_FD)
        return fd;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, LOWEST_FD);
    close(fd);
    return high;
}

static int read_proc_mem(const struct pando_object_process *process, uint64_t address, void *bytes, size_t len_bytes)
{
    char path[64];
    snprintf(path, sizeof path, process->pid == 0 ? "/proc/thread-self/mem" : "/proc/%d/mem", process->pid);
    int fd = pando_object_file_open_path(path);
    if (fd < 0)
        return PANDO_ERR_IO;
    ssize_t got = address <= INT64_MAX ? pread(fd, bytes, len_bytes, (off_t)address) : -1;
    close(fd);
    return got == (ssize_t)len_bytes ? 0 : PANDO_ERR_IO;
}

int pando_object_memory_read(const struct pando_object_process *process, uint64_t address, void *bytes, size_t len_bytes)
{
    struct iovec to = {.iov_base = bytes, .iov_len = len_bytes};
    struct iovec from = {.iov_base = (void *)(uintptr_t)address, .iov_len = len_bytes};
    ssize_t got = process_vm_readv(process->pid == 0 ? gettid() : process->pid, &to, 1, &from, 1, 0);
    if (got == (ssize_t)len_bytes)
        return 0;
    /* Container filters often refuse process_vm_readv, even on the process itself. */
    return got < 0 && (errno == EPERM || errno == ENOSYS) ? read_proc_mem(process, address, bytes, len_bytes) : PANDO_ERR_IO;
}

int pando_own_memory_read(uint64_t address, void *bytes, size_t len_bytes)
{
    return pando_object_memory_read(&(struct pando_object_process){0}, address, bytes, len_bytes);
}

static bool read_at(int fd, uint64_t offset, char *bytes, size_t len_bytes)
{
    return offset <= INT64_MAX && pread(fd, bytes, len_bytes, (off_t)offset) == (ssize_t)len_bytes;
}

/* Whether the code in memory is the file's: position-independent code is not relocated, so the bytes are the same. Places
 * all over the mapping are compared; they must not all be one filler. */
static bool has_code_of(const struct pando_object_process *process, int fd, const struct pando_mapping *mapping)
{
    char in_memory[PROBE_BYTES], in_file[PROBE_BYTES], first[PROBE_BYTES];
    struct stat status;
    if (fstat(fd, &status) != 0 || status.st_size < 0 || (uint64_t)status.st_size <= mapping->file_offset)
        return false;
    uint64_t len = mapping->end - mapping->start, in_file_bytes = (uint64_t)status.st_size - mapping->file_offset;
    len = len < in_file_bytes ? len : in_file_bytes;
    if (len < PROBE_BYTES)
        return false;
    bool varied = false;
    for (int i = 0; i < PROBES; i++) {
        uint64_t at = (len - PROBE_BYTES) / (PROBES - 1) * (uint64_t)i;
        if (pando_object_memory_read(process, mapping->start + at, in_memory, sizeof in_memory) != 0 ||
            !read_at(fd, mapping->file_offset + at, in_file, sizeof in_file) ||
            memcmp(in_memory, in_file, sizeof in_file) != 0)
            return false;
        if (i == 0)
            memcpy(first, in_file, sizeof first);
        varied = varied || memcmp(first, in_file, sizeof first) != 0;
    }
    return varied;
}

/* Device and inode are what the map says, or were found right before. On overlay and btrfs file systems, so in most
 * containers, the map has numbers that stat does not show: then the bytes decide. */
static bool is_the_mapped_file(const struct pando_object_process *process, int fd, const struct pando_mapping *mapping)
{
    struct pando_object *object = mapping->object;
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return false;
    bool same = status.st_ino == object->inode && major(status.st_dev) == object->dev_major &&
                minor(status.st_dev) == object->dev_minor;
    if (!same && object->verified)
        same = status.st_dev == object->file_dev && status.st_ino == object->file_inode;
    if (!same && mapping->gone_since == 0)
        same = has_code_of(process, fd, mapping);
    if (same) {
        object->verified = true;
        object->file_dev = status.st_dev;
        object->file_inode = status.st_ino;
    }
    return same;
}

/* The kernel's own link to what is mapped, which works for deleted files too, but needs CAP_CHECKPOINT_RESTORE. */
static int open_map_file(const struct pando_object_process *process, const struct pando_mapping *mapping)
{
    char path[80], pid[16] = "self";
    if (process->pid != 0)
        snprintf(pid, sizeof pid, "%d", process->pid);
    snprintf(path, sizeof path, "/proc/%s/map_files/%" PRIx64 "-%" PRIx64, pid, mapping->start, mapping->end);
    return pando_object_file_open_path(path);
}

static int open_at_root(const struct pando_object_process *process, const char *path)
{
    char whole[PATH_MAX];
    int len = snprintf(whole, sizeof whole, "%s%s", process->root, path);
    if (len < 0 || (size_t)len >= sizeof whole) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return pando_object_file_open_path(whole);
}

int pando_object_file_open(const struct pando_object_process *process, const struct pando_mapping *mapping, int *ret_fd)
{
    int fd = mapping->object->deleted ? -1 : open_at_root(process, mapping->object->path);
    int error = fd < 0 && !mapping->object->deleted && errno != ENOENT ? PANDO_ERR_IO : PANDO_ERR_NOT_FOUND;
    if (fd >= 0 && !is_the_mapped_file(process, fd, mapping)) {
        close(fd);
        fd = -1;
    }
    if (fd < 0 && mapping->gone_since == 0) {
        fd = open_map_file(process, mapping);
        struct stat status;
        if (fd >= 0 && (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))) {
            close(fd);
            fd = -1;
        }
    }
    if (fd < 0)
        return error;
    *ret_fd = fd;
    return 0;
}
