/* The reader frees words as they are. */
#define WRITERS 2
#define PUSHES 2
#define LENGTH_MAX 2
#define CAPACITY 4
#define FAULT_HEADER_NOT_ZEROED
#define FAULT_PAYLOAD_NOT_ZEROED
#include "ring.pml"
