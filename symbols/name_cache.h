/* Why: finding the functions and lines of an address in debug information takes microseconds to milliseconds, and the same
 * addresses come in every interval: what was found is kept, each distinct text once.
 * Context: worker and own processes; one owner. Private to symbols/. Bounded: when it is full nothing is added. */
#ifndef PANDO_SYMBOLS_NAME_CACHE_H
#define PANDO_SYMBOLS_NAME_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbols/symbols.h"

struct pando_name_cache;

struct pando_name_cache *pando_name_cache_new(size_t limit_bytes);
void pando_name_cache_free(struct pando_name_cache *cache);
size_t pando_name_cache_bytes(const struct pando_name_cache *cache);
/* Forgets everything; pointers into it are no longer valid. */
void pando_name_cache_empty(struct pando_name_cache *cache);

/* The text's copy in the cache; NULL stays NULL. *ret_error is set when there is no room or memory for it. */
const char *pando_name_cache_text(struct pando_name_cache *cache, const char *text, int *ret_error);
/* Keeps the frames of a place (texts from pando_name_cache_text); none: nothing is known of it. 0, PANDO_ERR_LIMIT,
 * PANDO_ERR_NO_MEMORY. */
int pando_name_cache_put(struct pando_name_cache *cache, const struct pando_symbols_place *place,
                         const struct pando_symbols_frame *frames, uint32_t count);
/* Whether the place is known; then its frames, which stay valid until the cache is emptied. */
bool pando_name_cache_find(const struct pando_name_cache *cache, const struct pando_symbols_place *place,
                           const struct pando_symbols_frame **ret_frames, uint32_t *ret_count);

#endif
