/* In the child of a fork, where threads end too.
 * Options of pan: -E (who is gone stands where it stood). */
#define FORK
#define ABANDON
#define PASSAGES 1
#define PUBLICATIONS 2
#include "publication.pml"
