/* In the child of a fork. */
#define FORK
#define PUBLICATIONS 2
#include "publication.pml"
