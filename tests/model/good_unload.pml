/* As it is. */
#include "unload.pml"
