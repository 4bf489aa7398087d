// link: pando_symbols pando_base
/* Code made at run time: symbols/perf_map.h. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "symbols/perf_map.h"

enum { LIMIT_BYTES = 1 << 20 };

static const struct pando_object_process own = {0};

static void path_of(char path[64])
{
    snprintf(path, 64, "/tmp/perf-%d.map", (int)getpid());
}

static void append(const char *text)
{
    char path[64];
    path_of(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    char path[64];
    path_of(path);
    unlink(path);
    return 0;
}

static void expect(struct pando_perf_map *map, uint64_t address, const char *name)
{
    const char *found = pando_perf_map_find(map, address);
    if (name == NULL)
        assert_null(found);
    else
        assert_string_equal(found, name);
}

static void test_the_file_grows(void **state)
{
    (void)state;
    struct pando_perf_map *map = pando_perf_map_new(LIMIT_BYTES);
    assert_int_equal(pando_perf_map_update(map, &own), PANDO_ERR_NOT_FOUND);
    expect(map, 0x1000, NULL);
    append("1000 20 first\n2000 40 a name with blanks\n3000 10 ha");
    assert_int_equal(pando_perf_map_update(map, &own), 0);
    expect(map, 0xfff, NULL);
    expect(map, 0x1000, "first");
    expect(map, 0x101f, "first");
    expect(map, 0x1020, NULL);
    expect(map, 0x2001, "a name with blanks");
    expect(map, 0x3000, NULL);
    append("lf\n1010 8 within\n2000 10 instead\nno sense\n 5000 10 blanks before\n6000 0 nothing\n7000 zz bad\n");
    assert_int_equal(pando_perf_map_update(map, &own), 0);
    expect(map, 0x3000, "half");
    expect(map, 0x1000, "first");
    expect(map, 0x1017, "within");
    expect(map, 0x1018, "first");
    expect(map, 0x2000, "instead"); /* what was written last is there now */
    expect(map, 0x2010, "a name with blanks");
    expect(map, 0x5000, "blanks before");
    expect(map, 0x6000, NULL);
    expect(map, UINT64_MAX, NULL);
    remove_file(NULL);
    append("9000 10 another file\n");
    assert_int_equal(pando_perf_map_update(map, &own), 0);
    expect(map, 0x1000, NULL);
    expect(map, 0x9000, "another file");
    pando_perf_map_free(map);
}

static void test_files_that_are_not_trusted(void **state)
{
    (void)state;
    char path[64], other[80];
    struct pando_perf_map *map = pando_perf_map_new(LIMIT_BYTES);
    path_of(path);
    snprintf(other, sizeof other, "%s.other", path);
    append("1000 20 first\n");
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink(other, path), 0);
    assert_int_equal(pando_perf_map_update(map, &own), PANDO_ERR_NOT_FOUND);
    unlink(path);
    unlink(other);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(pando_perf_map_update(map, &own), PANDO_ERR_NOT_FOUND);
    unlink(path);
    if (geteuid() == 0) {
        append("1000 20 first\n");
        assert_int_equal(chown(path, 12345, 12345), 0);
        assert_int_equal(pando_perf_map_update(map, &own), PANDO_ERR_NOT_FOUND);
        unlink(path);
    }
    expect(map, 0x1000, NULL);
    pando_perf_map_free(map);
}

static void test_too_much(void **state)
{
    (void)state;
    struct pando_perf_map *map = pando_perf_map_new(20000);
    char line[64];
    int error = 0;
    for (unsigned i = 0; error == 0 && i < 100000; i++) {
        snprintf(line, sizeof line, "%x 10 function number %u\n", 0x1000 + i * 16, i);
        error = pando_perf_map_add(map, line, strlen(line));
    }
    assert_int_equal(error, PANDO_ERR_LIMIT);
    assert_true(pando_perf_map_bytes(map) <= 20000);
    expect(map, 0x1000, "function number 0");
    char *endless = malloc(100000);
    memset(endless, 'x', 100000);
    assert_int_equal(pando_perf_map_add(map, endless, 100000), 0);
    free(endless);
    pando_perf_map_free(map);
}

static void test_names_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text, *function, *file;
        uint32_t line;
    } rows[] = {
        {"JS:*fib /srv/app.js:12:3", "fib", "/srv/app.js", 12},
        {"JS:~fib file:///srv/app.js:7:1", "fib", "file:///srv/app.js", 7},
        {"LazyCompile:*Socket.write node:net:900:40", "Socket.write", "node:net", 900},
        {"JS:^ node:internal/x:1:2", "(anonymous)", "node:internal/x", 1},
        {"Script:~ /a.js", "(anonymous)", "/a.js", 0},
        {"Builtin:ArrayMap", "Builtin:ArrayMap", "", 0},
        {"py::work:/srv/a b.py", "work", "/srv/a b.py", 0},
        {"py::<module>:/srv/a.py", "<module>", "/srv/a.py", 0},
        {"Ljava/lang/String;::hashCode", "Ljava/lang/String;::hashCode", "", 0},
        {"evil\x1b[31m\n\xe2\x80\xae name", "evil?[31m?? name", "", 0},
        {"JS:", "(anonymous)", "", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pando_perf_name name;
        pando_perf_name_parse(rows[i].text, &name);
        assert_string_equal(name.function, rows[i].function);
        assert_string_equal(name.file, rows[i].file);
        assert_int_equal(name.line, rows[i].line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_file_grows, remove_file, remove_file),
        cmocka_unit_test_setup_teardown(test_files_that_are_not_trusted, remove_file, remove_file),
        cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_names_taken_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
