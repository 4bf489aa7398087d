/* Two readers that go in twice, three publications, lists that are used again at once. */
#include "publication.pml"
