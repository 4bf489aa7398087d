/* The reader zeroes the header only: a later header may lie where payload was. */
#define WRITERS 2
#define PUSHES 2
#define LENGTH_MAX 2
#define CAPACITY 4
#define FAULT_PAYLOAD_NOT_ZEROED
#include "ring.pml"
