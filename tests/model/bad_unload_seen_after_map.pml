/* The number is read after the map. */
#define SEEN_AFTER_MAP
#include "unload.pml"
