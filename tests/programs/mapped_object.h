/* Maps an ELF file the way the loader does, without running or relocating it: so that tests can build rows of any object.
 * Context: tests. The mapping is not taken down. */
#ifndef PANDO_TESTS_MAPPED_OBJECT_H
#define PANDO_TESTS_MAPPED_OBJECT_H

#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct mapped_object {
    uint64_t header_address, bias, end;
};

/* 0, or -1. */
static inline int map_object(const char *path, struct mapped_object *object)
{
    Elf64_Ehdr file;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, &file, sizeof file) != (ssize_t)sizeof file || memcmp(file.e_ident, ELFMAG, SELFMAG) != 0)
        return -1;
    Elf64_Phdr *segments = calloc(file.e_phnum, sizeof *segments);
    if (segments == NULL ||
        pread(fd, segments, file.e_phnum * sizeof *segments, (off_t)file.e_phoff) != (ssize_t)(file.e_phnum * sizeof *segments))
        return -1;
    uint64_t low = UINT64_MAX, high = 0;
    for (int i = 0; i < file.e_phnum; i++) {
        if (segments[i].p_type != PT_LOAD)
            continue;
        low = segments[i].p_vaddr < low ? segments[i].p_vaddr : low;
        high = segments[i].p_vaddr + segments[i].p_memsz > high ? segments[i].p_vaddr + segments[i].p_memsz : high;
    }
    low &= ~UINT64_C(4095);
    uint8_t *base = mmap(NULL, high - low, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return -1;
    object->bias = (uint64_t)(uintptr_t)base - low;
    object->end = (uint64_t)(uintptr_t)base + (high - low);
    for (int i = 0; i < file.e_phnum; i++) {
        uint64_t in_page = segments[i].p_vaddr & 4095;
        if (segments[i].p_type != PT_LOAD || segments[i].p_filesz == 0)
            continue;
        if (mmap((void *)(uintptr_t)(object->bias + segments[i].p_vaddr - in_page), segments[i].p_filesz + in_page, PROT_READ,
                 MAP_PRIVATE | MAP_FIXED, fd, (off_t)(segments[i].p_offset - in_page)) == MAP_FAILED)
            return -1;
        if (segments[i].p_offset < 4096)
            object->header_address = object->bias + segments[i].p_vaddr - in_page;
    }
    free(segments);
    close(fd);
    return 0;
}

#endif
