/* The writer moves head with a plain store. */
#define WRITERS 2
#define PUSHES 2
#define LENGTH_MAX 2
#define CAPACITY 4
#define FAULT_NO_COMPARE
#include "ring.pml"
