/* The reader zeroes the payload only. */
#define WRITERS 2
#define PUSHES 2
#define LENGTH_MAX 2
#define CAPACITY 4
#define FAULT_HEADER_NOT_ZEROED
#include "ring.pml"
