/* Why: agent/config_labels.h. Context: setup. */
#include "agent/config_labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config.h"
#include "agent/config_aws.h"
#include "base/cursor.h"
#include "base/error.h"

static int read_slices(struct pando_door_settings *door, char *sentence)
{
    const char *text = pando_config_variable("PANDO_SLICES");
    if (door->url[0] == '\0' || pando_config_is_aws(door->url))
        door->slices = PANDO_DOOR_NO_SLICES;
    else if (text == NULL)
        door->slices = door->signs ? PANDO_DOOR_NO_SLICES : PANDO_DOOR_SLICES_BY_NAME;
    else if (strcmp(text, "names") == 0)
        door->slices = PANDO_DOOR_SLICES_BY_NAME;
    else if (strcmp(text, "threads") == 0)
        door->slices = PANDO_DOOR_SLICES_BY_THREAD;
    else if (strcmp(text, "off") == 0)
        door->slices = PANDO_DOOR_NO_SLICES;
    else
        return snprintf(sentence, PANDO_CONFIG_SENTENCE_BYTES, "PANDO_SLICES is names, threads or off, not \"%.80s\".", text),
               PANDO_ERR_INVALID;
    return 0;
}

static int read_labels(struct pando_door_settings *door, char *sentence)
{
    struct pando_cursor cursor = pando_cursor_of_text(pando_config_variable("PANDO_LABELS") != NULL ? pando_config_variable("PANDO_LABELS") : "");
    while (!pando_cursor_at_end(&cursor)) {
        const char *label;
        size_t bytes;
        int error = pando_cursor_until(&cursor, ',', PANDO_LABEL_KEY_BYTES + 1 + PANDO_LABEL_VALUE_BYTES, &label, &bytes);
        const char *equals = error == 0 ? memchr(label, '=', bytes) : NULL;
        size_t key_bytes = equals != NULL ? (size_t)(equals - label) : 0;
        if (equals == NULL || !pando_label_is_key(label, key_bytes) || bytes - key_bytes - 1 > PANDO_LABEL_VALUE_BYTES ||
            !pando_label_set_put(&door->labels, label, key_bytes, equals + 1, bytes - key_bytes - 1)) {
            snprintf(sentence, PANDO_CONFIG_SENTENCE_BYTES,
                     "PANDO_LABELS is at most %d of KEY=VALUE with commas between, as in \"version=1.2,env=prod\", keys of 1 to %d of "
                     "A-Z a-z 0-9 _ . - /, values of at most %d bytes, not \"%.80s\".",
                     (int)PANDO_LABELS_IN_SET, (int)PANDO_LABEL_KEY_BYTES, (int)PANDO_LABEL_VALUE_BYTES, pando_config_variable("PANDO_LABELS"));
            return PANDO_ERR_INVALID;
        }
    }
    return 0;
}

int pando_config_labels_read(struct pando_door_settings *door, char *sentence)
{
    int error = read_slices(door, sentence);
    return error == 0 ? read_labels(door, sentence) : error;
}
