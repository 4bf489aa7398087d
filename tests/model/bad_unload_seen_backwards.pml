/* Whether one is under way is read before the number. */
#define SEEN_BACKWARDS
#include "unload.pml"
