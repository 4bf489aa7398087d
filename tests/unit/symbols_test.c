// link: pando_symbols pando_base
/* From an address of this process to a name: symbols/symbols.h. */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "symbols/symbols.h"

enum { LIMIT_BYTES = 64 << 20, MAPS_BYTES = 1 << 20 };

int main(void);
int symbols_test_global(int a);
__attribute__((noinline)) int symbols_test_global(int a) { return a * 3; }
static __attribute__((noinline)) int symbols_test_static(int a) { return a * 5; }

/* Hand-written: without type and size, and with a local label inside. */
void symbols_test_asm(void);
extern const char symbols_test_asm_inner[];
__asm__(".text\n.globl symbols_test_asm\nsymbols_test_asm:\n nop\n nop\nsymbols_test_asm_inner:\n nop\n ret\n"
        ".type symbols_test_behind, @function\nsymbols_test_behind: ret\n.size symbols_test_behind, 1\n");

static char *own_maps(size_t *ret_len)
{
    char *maps = malloc(MAPS_BYTES);
    assert_non_null(maps);
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    size_t len = 0;
    ssize_t got;
    while ((got = read(fd, maps + len, MAPS_BYTES - len)) > 0)
        len += (size_t)got;
    close(fd);
    *ret_len = len;
    return maps;
}

static void update(struct pando_symbols *symbols)
{
    size_t len;
    char *maps = own_maps(&len);
    assert_int_equal(pando_symbols_update_maps(symbols, maps, len), 0);
    free(maps);
}

static struct pando_symbols *fresh(void)
{
    struct pando_symbols *symbols = pando_symbols_new(LIMIT_BYTES);
    assert_non_null(symbols);
    update(symbols);
    return symbols;
}

static void expect(struct pando_symbols *symbols, const void *address, const char *function)
{
    struct pando_symbols_name name;
    assert_int_equal(pando_symbols_find(symbols, (uintptr_t)address, &name), 0);
    if (function == NULL) {
        assert_null(name.function);
    } else {
        assert_non_null(name.function);
        assert_string_equal(name.function, function);
    }
}

static void test_own_functions(void **state)
{
    (void)state;
    struct pando_symbols *symbols = fresh();
    expect(symbols, (const void *)symbols_test_global, "symbols_test_global");
    expect(symbols, (const char *)symbols_test_global + 1, "symbols_test_global");
    expect(symbols, (const void *)symbols_test_static, "symbols_test_static");
    expect(symbols, (const void *)symbols_test_asm, "symbols_test_asm");
    expect(symbols, (const char *)symbols_test_asm + 1, "symbols_test_asm");
    expect(symbols, (const char *)symbols_test_asm + 4, "symbols_test_behind");
    expect(symbols, (const void *)main, "main");
    expect(symbols, (const void *)pando_symbols_find, "pando_symbols_find");
    struct pando_symbols_name name;
    assert_int_equal(pando_symbols_find(symbols, (uintptr_t)main, &name), 0);
    assert_string_equal(name.object, "symbols_test");
    pando_symbols_free(symbols);
}

static void test_library_and_vdso(void **state)
{
    (void)state;
    struct pando_symbols *symbols = fresh();
    expect(symbols, dlsym(RTLD_NEXT, "strtol"), "strtol");
    uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);
    bool found = false;
    for (uintptr_t address = vdso; vdso != 0 && address < vdso + 4096; address++) {
        struct pando_symbols_name name;
        assert_int_equal(pando_symbols_find(symbols, address, &name), 0);
        assert_string_equal(name.object, "[vdso]");
        found = found || (name.function != NULL && strcmp(name.function, "clock_gettime") == 0);
    }
    assert_true(found || vdso == 0);
    pando_symbols_free(symbols);
}

static void test_nothing_there(void **state)
{
    (void)state;
    struct pando_symbols *symbols = fresh();
    struct pando_symbols_name name;
    char text[64];
    assert_int_equal(pando_symbols_find(symbols, 0x10, &name), PANDO_ERR_NOT_FOUND);
    assert_null(name.object);
    assert_int_equal(pando_symbols_render(&name, 0x10, text, sizeof text), strlen("[unknown+0x10]"));
    assert_string_equal(text, "[unknown+0x10]");
    assert_int_equal(pando_symbols_find(symbols, (uintptr_t)&name, &name), PANDO_ERR_NOT_FOUND);
    pando_symbols_free(symbols);
}

static void test_render(void **state)
{
    (void)state;
    char text[12];
    struct pando_symbols_name name = {.object = "lib.so", .object_offset = 0x1f};
    assert_int_equal(pando_symbols_render(&name, 0, text, sizeof text), 11);
    assert_string_equal(text, "[lib.so+0x1");
    name.function = "main";
    assert_int_equal(pando_symbols_render(&name, 0, text, sizeof text), 4);
    assert_string_equal(text, "main");
    name = (struct pando_symbols_name){.object = "[anon]", .object_offset = 5};
    assert_int_equal(pando_symbols_render(&name, 0, text, sizeof text), 6);
    assert_string_equal(text, "[anon]");
    name.object = "[vdso]";
    assert_int_equal(pando_symbols_render(&name, 0, text, sizeof text), 11);
    assert_string_equal(text, "[[vdso]+0x5");
}

static void test_code_made_at_run_time(void **state)
{
    (void)state;
    void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code == MAP_FAILED)
        skip();
    struct pando_symbols *symbols = fresh();
    struct pando_symbols_name name;
    assert_int_equal(pando_symbols_find(symbols, (uintptr_t)code + 17, &name), 0);
    assert_null(name.function);
    assert_string_equal(name.object, "[anon]");
    pando_symbols_free(symbols);
    munmap(code, 4096);
}

/* A function of libz, which libelf brings along. */
static void *libz_function(const char *name)
{
    void *handle = dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL);
    assert_non_null(handle);
    void *function = dlsym(handle, name);
    assert_non_null(function);
    dlclose(handle); /* libelf keeps it */
    return function;
}

/* Copies libz to a place of our own and loads it from there. */
static void *load_copy(char path[64])
{
    Dl_info info;
    assert_int_not_equal(dladdr(libz_function("crc32_z"), &info), 0);
    strcpy(path, "/tmp/pando-symbols-test-XXXXXX");
    int to = mkstemp(path), from = open(info.dli_fname, O_RDONLY | O_CLOEXEC);
    assert_true(to >= 0 && from >= 0);
    char bytes[65536];
    ssize_t got;
    while ((got = read(from, bytes, sizeof bytes)) > 0)
        assert_int_equal(write(to, bytes, (size_t)got), got);
    close(from);
    close(to);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(handle);
    return handle;
}

static void test_unloaded_objects_keep_their_names(void **state)
{
    (void)state;
    char path[64];
    void *handle = load_copy(path);
    const char *crc = dlsym(handle, "crc32_z");
    assert_non_null(crc);
    struct pando_symbols *symbols = fresh();
    dlclose(handle);
    update(symbols);
    expect(symbols, crc + 3, "crc32_z"); /* read only now, when it is gone from the map */
    pando_symbols_free(symbols);
    unlink(path);
}

static void test_a_replaced_file_is_not_used(void **state)
{
    (void)state;
    char path[64], line[256];
    void *handle = load_copy(path);
    const char *crc = dlsym(handle, "crc32_z");
    struct pando_symbols *symbols = fresh();
    unlink(path);
    dlclose(handle);
    update(symbols); /* gone from the map, so that not even the kernel's link helps */
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    int own = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && own >= 0);
    ssize_t got;
    while ((got = read(own, line, sizeof line)) > 0)
        assert_int_equal(write(fd, line, (size_t)got), got);
    close(fd);
    close(own);
    expect(symbols, crc, NULL);
    pando_symbols_free(symbols);
    unlink(path);
}

static void test_a_deleted_file(void **state)
{
    (void)state;
    char path[64];
    void *handle = load_copy(path);
    const char *crc = dlsym(handle, "crc32_z");
    unlink(path);
    struct pando_symbols *symbols = fresh();
    struct pando_symbols_name name;
    assert_int_equal(pando_symbols_find(symbols, (uintptr_t)crc, &name), 0);
    assert_string_equal(name.object, strrchr(path, '/') + 1);
    /* With the right to follow /proc/self/map_files it has a name, else none: never a wrong one. */
    assert_true(name.function == NULL || strcmp(name.function, "crc32_z") == 0);
    pando_symbols_free(symbols);
    dlclose(handle);
}

/* Overlay and btrfs show other device and inode numbers in the map than stat does: the bytes decide. */
static void test_the_bytes_decide_when_the_numbers_differ(void **state)
{
    (void)state;
    size_t len;
    char *maps = own_maps(&len), changed[1024], wrong[1024];
    maps[len] = '\0';
    uint64_t start = 0, end, offset;
    char path[512] = "";
    for (char *line = maps; line != NULL && *line != '\0'; line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL) {
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " r-xp %" SCNx64 " %*s %*s %511s", &start, &end, &offset, path) == 4 &&
            (uintptr_t)main >= start && (uintptr_t)main < end)
            break;
    }
    assert_true((uintptr_t)main >= start && (uintptr_t)main < end);
    snprintf(changed, sizeof changed, "%" PRIx64 "-%" PRIx64 " r-xp %" PRIx64 " 00:77 1 %s\n", start, end, offset, path);
    struct pando_symbols *symbols = pando_symbols_new(LIMIT_BYTES);
    assert_int_equal(pando_symbols_update_maps(symbols, changed, strlen(changed)), 0);
    expect(symbols, (const void *)symbols_test_global, "symbols_test_global");
    pando_symbols_free(symbols);

    Dl_info info;
    assert_int_not_equal(dladdr(dlsym(RTLD_NEXT, "strtol"), &info), 0);
    snprintf(wrong, sizeof wrong, "%" PRIx64 "-%" PRIx64 " r-xp %" PRIx64 " 00:77 1 %s\n", start, end - 1, offset, info.dli_fname);
    symbols = pando_symbols_new(LIMIT_BYTES);
    assert_int_equal(pando_symbols_update_maps(symbols, wrong, strlen(wrong)), 0);
    expect(symbols, (const void *)symbols_test_global, NULL); /* and not what is in memory in front of it: */
    expect(symbols, (const void *)symbols_test_asm, "symbols_test_asm");
    pando_symbols_free(symbols);
    free(maps);
}

static void test_paths_that_are_no_files(void **state)
{
    (void)state;
    char fifo[] = "/tmp/pando-symbols-fifo-XXXXXX", line[256];
    int fd = mkstemp(fifo);
    assert_true(fd >= 0);
    close(fd);
    unlink(fifo);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    const char *const paths[] = {fifo, "/", "/dev/zero", "/dev/tty", "/nonexistent/x", "/proc/self/mem"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct stat status = {0};
        stat(paths[i], &status);
        snprintf(line, sizeof line, "1000-2000 r-xp 0 %x:%x %lu %s\n", (unsigned)(status.st_dev >> 8),
                 (unsigned)(status.st_dev & 255), (unsigned long)status.st_ino, paths[i]);
        struct pando_symbols *symbols = pando_symbols_new(LIMIT_BYTES);
        assert_int_equal(pando_symbols_update_maps(symbols, line, strlen(line)), 0);
        alarm(30); /* opening a FIFO must not wait for a writer */
        expect(symbols, (const void *)(uintptr_t)0x1800, NULL);
        alarm(0);
        pando_symbols_free(symbols);
    }
    unlink(fifo);
}

static int open_descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static void test_no_descriptor_stays_open(void **state)
{
    (void)state;
    int before = open_descriptors();
    struct pando_symbols *symbols = fresh();
    expect(symbols, (const void *)main, "main");
    expect(symbols, dlsym(RTLD_NEXT, "strtol"), "strtol");
    assert_int_equal(open_descriptors(), before);
    pando_symbols_free(symbols);
}

static void test_small_limits(void **state)
{
    (void)state;
    static const size_t limits[] = {0, 1, 5000, 20000, 100000, 400000};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct pando_symbols *symbols = pando_symbols_new(limits[i]);
        assert_non_null(symbols);
        update(symbols);
        for (int round = 0; round < 300; round++) { /* in turn, so that tables push each other out */
            struct pando_symbols_name name;
            assert_int_equal(pando_symbols_find(symbols, (uintptr_t)main, &name), 0);
            assert_true(name.function == NULL || strcmp(name.function, "main") == 0);
            assert_int_equal(pando_symbols_find(symbols, (uintptr_t)dlsym(RTLD_NEXT, "strtol"), &name), 0);
            assert_true(name.function == NULL || strcmp(name.function, "strtol") == 0);
            assert_int_equal(pando_symbols_find(symbols, (uintptr_t)libz_function("zlibVersion"), &name), 0);
            assert_true(name.function == NULL || strcmp(name.function, "zlibVersion") == 0);
            assert_true(limits[i] > 1 || name.function == NULL);
        }
        pando_symbols_free(symbols);
    }
}

static void test_bad_maps(void **state)
{
    (void)state;
    struct pando_symbols *symbols = fresh();
    assert_int_equal(pando_symbols_update_maps(symbols, "nonsense\n", 9), PANDO_ERR_SYNTAX);
    expect(symbols, (const void *)main, "main");
    pando_symbols_free(symbols);
    pando_symbols_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_functions),
        cmocka_unit_test(test_library_and_vdso),
        cmocka_unit_test(test_nothing_there),
        cmocka_unit_test(test_render),
        cmocka_unit_test(test_code_made_at_run_time),
        cmocka_unit_test(test_unloaded_objects_keep_their_names),
        cmocka_unit_test(test_a_replaced_file_is_not_used),
        cmocka_unit_test(test_a_deleted_file),
        cmocka_unit_test(test_the_bytes_decide_when_the_numbers_differ),
        cmocka_unit_test(test_paths_that_are_no_files),
        cmocka_unit_test(test_no_descriptor_stays_open),
        cmocka_unit_test(test_small_limits),
        cmocka_unit_test(test_bad_maps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
