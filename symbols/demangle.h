/* Why: the one place that decides how a symbol is shown: C++ (Itanium), Rust (legacy and v0) and D names demangled,
 * without parameters and return types, without the suffixes that compiler and linker add. docs/symbols.md has the reasons.
 * Context: worker and own processes; one thread at a time. Private to symbols/. */
#ifndef PANDO_SYMBOLS_DEMANGLE_H
#define PANDO_SYMBOLS_DEMANGLE_H

#include <stddef.h>

enum {
    PANDO_DEMANGLE_TEXT_BYTES = 1024,    /* a shown name with its NUL; longer ones are cut and end in "..." */
    PANDO_DEMANGLE_MANGLED_BYTES = 1024, /* longer symbols are shown as they are: the demanglers recurse on their input */
};

/* Writes what `symbol` is shown as; never fails: what is not mangled, or not understood, is shown as it is (cut).
 * Returns the length. text_bytes > 4. Needs up to 400 KB of stack for the worst input. */
size_t pando_demangle(const char *symbol, char *text, size_t text_bytes);

#endif
