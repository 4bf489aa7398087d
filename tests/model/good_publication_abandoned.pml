/* A reader or the publisher ends at any step; the reader's number goes to another thread.
 * Options of pan: -E (who is gone stands where it stood). */
#define ABANDON
#define PASSAGES 1
#define PUBLICATIONS 2
#include "publication.pml"
