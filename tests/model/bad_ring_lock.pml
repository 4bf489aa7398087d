/* A lock instead of compare-and-swap: a handler that interrupts its holder waits for ever.
 * Options of pan: -E (the judge has to find it). */
#define WRITERS 2
#define PUSHES 2
#define LENGTH_MAX 2
#define CAPACITY 4
#define FAULT_LOCK
#define HANDLERS 1
#include "ring.pml"
