/* The reader moves tail first and copies and zeroes then. */
#define WRITERS 2
#define PUSHES 2
#define LENGTH_MAX 2
#define CAPACITY 4
#define FAULT_FREED_BEFORE_ZEROING
#include "ring.pml"
