/* Of two threads, one of them interrupted, one ends at any step.
 * Options of pan: -E (who is gone stands where it stood). */
#define WRITERS 2
#define PUSHES 1
#define HANDLERS 1
#define ABANDON
#define LENGTH_MAX 2
#define CAPACITY 4
#include "ring.pml"
