/* Counted when it is over. */
#define AFTER
#include "unload.pml"
