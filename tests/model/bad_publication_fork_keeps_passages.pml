/* The child waits for threads that it has not. */
#define FORK
#define KEEPS_PASSAGES
#define PUBLICATIONS 2
#include "publication.pml"
