/* Who gets a dead thread's number counts on from where it was: even is inside then.
 * Options of pan: -E (who is gone stands where it stood). */
#define ABANDON
#define PARITY_INHERITED
#define PUBLICATIONS 2
#include "publication.pml"
