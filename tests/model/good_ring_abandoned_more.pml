/* Of two threads one ends at any step; longer records.
 * Options of pan: -E (who is gone stands where it stood). */
#define WRITERS 2
#define PUSHES 2
#define ABANDON
#define LENGTH_MAX 3
#define CAPACITY 8
#include "ring.pml"
