/* The grace period begins before the list is taken out of use. */
#define SNAPSHOT_FIRST
#include "publication.pml"
