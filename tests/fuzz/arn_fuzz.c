// link: pando_base
/* Why: soak test of what the guest reads of AWS's variables: the ARN and the name of a group, regions, URLs. Whatever they say is taken or
 * refused with a sentence. tests/fuzz/fuzz_main.h has the usage; the first byte chooses the variable. */
#include "fuzz_main.h"

#include <unistd.h>

#include "agent/config_aws.c" /* it is no library's */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len_bytes)
{
    static const struct {
        char choice;
        const char *name;
    } variables[] = {{'a', "AWS_CODEGURU_PROFILER_GROUP_ARN"}, {'n', "AWS_CODEGURU_PROFILER_GROUP_NAME"},
                     {'t', "AWS_CODEGURU_PROFILER_TARGET_REGION"}, {'u', "AWS_ENDPOINT_URL_CODEGURUPROFILER"}};
    static struct pando_door_settings door;
    char text[4096], problem[300] = "";
    for (size_t i = 0; i < sizeof variables / sizeof variables[0] && len_bytes != 0 && len_bytes < 3000; i++) {
        if ((uint8_t)variables[i].choice != bytes[0])
            continue;
        snprintf(text, sizeof text, "%s=%.*s", variables[i].name, (int)len_bytes - 1, (const char *)bytes + 1);
        char region[] = "AWS_REGION=eu-west-1", *environment[] = {text, region, NULL};
        char **before = environ;
        environ = environment;
        memset(&door, 0, sizeof door);
        int error = pando_config_aws_read(&door, problem);
        environ = before;
        require(error == 0 || problem[0] != '\0', "refused without a word");
        require(strlen(door.group) < sizeof door.group && strlen(door.region) < sizeof door.region, "too long");
        require(strspn(door.region, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(door.region), "a region");
    }
    return 0;
}
