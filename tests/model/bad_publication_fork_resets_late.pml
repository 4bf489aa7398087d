/* The child's readers begin before the numbers are set to even. */
#define FORK
#define RESETS_LATE
#define PUBLICATIONS 2
#include "publication.pml"
