/* publish without a barrier: the publisher looks who is in before anybody sees the new pointer. */
#define PUBLISHER_NO_BARRIER
#include "publication.pml"
