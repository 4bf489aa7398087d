/* The reader leaves before its last use of the list. */
#define LEAVES_TOO_SOON
#include "publication.pml"
