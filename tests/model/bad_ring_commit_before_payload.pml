/* The writer puts the header before the payload. */
#define WRITERS 2
#define PUSHES 2
#define LENGTH_MAX 2
#define CAPACITY 4
#define FAULT_COMMIT_BEFORE_PAYLOAD
#include "ring.pml"
