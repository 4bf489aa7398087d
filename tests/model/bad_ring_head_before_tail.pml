/* The writer loads head before tail: an empty ring may look full. */
#define WRITERS 2
#define PUSHES 2
#define LENGTH_MAX 2
#define CAPACITY 4
#define FAULT_HEAD_BEFORE_TAIL
#include "ring.pml"
