/* The old list is freed at once. */
#define NO_GRACE
#include "publication.pml"
