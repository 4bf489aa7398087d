/* Why: symbols/demangle.h. The demanglers are libiberty's, which is made for programs of its own: it ends the process when
 * there is no memory (xmalloc), and some names of a few hundred bytes expand to gigabytes (back references to back
 * references). So its allocation functions are replaced here, and an expansion that gets out of hand is left by longjmp.
 * Context: worker and own processes. */
#include "symbols/demangle.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <libiberty/demangle.h>

#include "base/plain_text.h"

enum {
    OUTPUT_MAX_BYTES = 1 << 20,     /* a name that expands to more is hostile */
    ALLOCATION_MAX_BYTES = 1 << 20,
};

struct output {
    char *text;
    size_t text_bytes;
    size_t len_bytes;     /* what the whole name would need; text has its beginning */
};

/* Where to go when libiberty cannot go on. Thread-local because libiberty's callbacks carry no context. */
static __thread jmp_buf *give_up __attribute__((tls_model("initial-exec")));

/* libiberty's names for its own allocator: defined here, its xmalloc.o (which calls exit) is never linked in. */
void *xmalloc(size_t size_bytes);
void *xcalloc(size_t count, size_t size_bytes);
void *xrealloc(void *memory, size_t size_bytes);
void xmalloc_failed(size_t size_bytes);

void xmalloc_failed(size_t size_bytes)
{
    (void)size_bytes;
    if (give_up != NULL)
        longjmp(*give_up, 1);
    abort(); /* unreachable: the allocators are called inside of attempt() only */
}

void *xmalloc(size_t size_bytes)
{
    void *memory = size_bytes <= ALLOCATION_MAX_BYTES ? malloc(size_bytes != 0 ? size_bytes : 1) : NULL;
    if (memory == NULL)
        xmalloc_failed(size_bytes);
    return memory;
}

void *xcalloc(size_t count, size_t size_bytes)
{
    void *memory = size_bytes == 0 || count <= ALLOCATION_MAX_BYTES / size_bytes ? calloc(count + 1, size_bytes + 1) : NULL;
    if (memory == NULL)
        xmalloc_failed(count);
    return memory;
}

void *xrealloc(void *memory, size_t size_bytes)
{
    void *larger = size_bytes <= ALLOCATION_MAX_BYTES ? realloc(memory, size_bytes != 0 ? size_bytes : 1) : NULL;
    if (larger == NULL) {
        free(memory);
        xmalloc_failed(size_bytes);
    }
    return larger;
}

static void append(struct output *output, const char *bytes, size_t len_bytes)
{
    if (len_bytes != 0 && output->len_bytes < output->text_bytes - 1) {
        size_t room = output->text_bytes - 1 - output->len_bytes;
        memcpy(output->text + output->len_bytes, bytes, len_bytes < room ? len_bytes : room);
    }
    output->len_bytes += len_bytes;
}

static void on_text(const char *bytes, size_t len_bytes, void *context)
{
    struct output *output = context;
    append(output, bytes, len_bytes);
    if (output->len_bytes > OUTPUT_MAX_BYTES && give_up != NULL)
        longjmp(*give_up, 1);
}

/* Ends the text and marks what was cut; what would disturb a terminal is gone. */
static size_t finish(struct output *output)
{
    size_t len = output->len_bytes, control;
    if (len >= output->text_bytes) {
        len = output->text_bytes - 1;
        while (len > 3 && ((unsigned char)output->text[len - 3] & 0xc0) == 0x80)
            len--; /* cut on a UTF-8 character */
        memcpy(output->text + len - 3, "...", 3);
    }
    output->text[len] = '\0';
    for (char *at = output->text; *at != '\0'; at++) {
        if ((control = pando_plain_text_control(at)) != 0)
            memset(at, '?', control);
    }
    return len;
}

/* D's demangler knows no option to leave the parameters out: "a.b!(int).c(char[])" loses its last parentheses. */
static size_t length_without_parameters(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || name[len - 1] != ')')
        return len;
    size_t depth = 0, at = len;
    while (at > 0) {
        at--;
        if (name[at] == ')')
            depth++;
        else if (name[at] == '(' && --depth == 0)
            break;
    }
    return depth == 0 && at > 0 && name[at - 1] != '!' ? at : len;
}

static bool demangle_d(const char *mangled, struct output *output)
{
    char *name = dlang_demangle(mangled, DMGL_NO_OPTS);
    if (name == NULL)
        return false;
    append(output, name, length_without_parameters(name));
    free(name);
    return true;
}

static bool dispatch(const char *mangled, struct output *output)
{
    if (mangled[1] == 'R')
        return rust_demangle_callback(mangled, DMGL_NO_OPTS, on_text, output) != 0;
    if (mangled[1] == 'D')
        return demangle_d(mangled, output);
    if (rust_demangle_callback(mangled, DMGL_NO_OPTS, on_text, output) != 0)
        return true;
    output->len_bytes = 0;
    return cplus_demangle_v3_callback(mangled, DMGL_NO_OPTS, on_text, output) != 0;
}

/* What libiberty still holds when it is left by longjmp is lost: at most about 1 MB, for hostile names only. */
static bool attempt(const char *mangled, struct output *output)
{
    jmp_buf here;
    if (setjmp(here) != 0) {
        give_up = NULL;
        return false;
    }
    give_up = &here;
    bool done = dispatch(mangled, output);
    give_up = NULL;
    return done && output->len_bytes != 0;
}

static bool is_mangled(const char *symbol)
{
    if (symbol[0] != '_')
        return false;
    if (symbol[1] == 'Z')
        return true;
    if (symbol[1] == 'R')
        return isalpha((unsigned char)symbol[2]) || isdigit((unsigned char)symbol[2]);
    return symbol[1] == 'D' && (isdigit((unsigned char)symbol[2]) || strcmp(symbol, "_Dmain") == 0);
}

/* The suffixes of parts and copies that GCC and LLVM make of one function of the source. */
static bool is_clone_suffix(const char *suffix, size_t len)
{
    static const char *const words[] = {".cold", ".part", ".isra", ".constprop", ".lto_priv", ".localalias", ".clone",
                                        ".llvm", ".warm", ".resolver", ".specialized", ".abi0", ".abiinternal"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strlen(words[i]) == len && memcmp(words[i], suffix, len) == 0)
            return true;
    }
    return false;
}

/* The length of the name proper: without "@@GLIBC_2.34", and without what follows the first clone suffix. */
static size_t length_without_suffix(const char *symbol)
{
    size_t len = strlen(symbol);
    const char *version = len > 1 ? memchr(symbol + 1, '@', len - 1) : NULL;
    if (version != NULL)
        len = (size_t)(version - symbol);
    for (size_t at = 1; at < len; at++) {
        if (symbol[at] != '.')
            continue;
        size_t end = at + 1;
        while (end < len && symbol[end] != '.')
            end++;
        if (is_clone_suffix(symbol + at, end - at))
            return at;
    }
    return len;
}

size_t pando_demangle(const char *symbol, char *text, size_t text_bytes)
{
    struct output output = {.text = text, .text_bytes = text_bytes};
    size_t len = length_without_suffix(symbol);
    char mangled[PANDO_DEMANGLE_MANGLED_BYTES];
    if (len < sizeof mangled && len > 2) {
        memcpy(mangled, symbol, len);
        mangled[len] = '\0';
        if (is_mangled(mangled) && attempt(mangled, &output))
            return finish(&output);
    }
    output.len_bytes = 0;
    append(&output, symbol, len);
    return finish(&output);
}
