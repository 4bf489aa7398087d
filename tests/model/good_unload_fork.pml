/* In the child of a fork. */
#define FORK
#include "unload.pml"
