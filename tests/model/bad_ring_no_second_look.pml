/* The writer refuses on the strength of a tail that may be old. */
#define WRITERS 2
#define PUSHES 2
#define LENGTH_MAX 2
#define CAPACITY 4
#define FAULT_NO_SECOND_LOOK
#include "ring.pml"
