/* Why: uploader/orchestration.h. Context: worker. */
#include "uploader/orchestration.h"

#include <jansson.h>
#include <string.h>

#include "base/cursor.h"
#include "base/error.h"

/* The parameters are decimal numbers in strings; what is none, or 0, is passed over. */
static uint32_t parameter(json_t *parameters, const char *name, uint32_t min, uint32_t max, uint32_t fallback)
{
    const char *text = json_string_value(json_object_get(parameters, name));
    struct pando_cursor cursor = pando_cursor_of_text(text != NULL ? text : "");
    uint64_t value = 0;
    if (pando_cursor_decimal(&cursor, UINT64_MAX, &value) != 0 || !pando_cursor_at_end(&cursor) || value == 0)
        return fallback;
    return value < min ? min : value > max ? max : (uint32_t)value;
}

static int read_object(json_t *object, struct pando_uploader_orders *orders)
{
    struct pando_uploader_orders read = *orders;
    json_t *should_profile = json_object_get(object, "shouldProfile"), *period = json_object_get(object, "periodInSeconds");
    json_t *parameters = json_object_get(object, "agentParameters");
    if (json_is_boolean(should_profile))
        read.is_paused = json_is_false(should_profile);
    if (json_is_integer(period) && json_integer_value(period) > 0) {
        json_int_t s = json_integer_value(period);
        read.period_s = s < PANDO_PERIOD_MIN_S ? PANDO_PERIOD_MIN_S : s > PANDO_PERIOD_MAX_S ? PANDO_PERIOD_MAX_S : (uint32_t)s;
    }
    read.sampling_interval_ms = parameter(parameters, "SamplingIntervalInMilliseconds", 1, PANDO_SAMPLING_MAX_MS,
                                          read.sampling_interval_ms);
    read.minimum_ms = parameter(parameters, "MinimumTimeForReportingInMilliseconds", 1, PANDO_PERIOD_MAX_S * 1000u, read.minimum_ms);
    read.depth_max = parameter(parameters, "MaxStackDepth", PANDO_DEPTH_MIN, PANDO_DEPTH_MAX, read.depth_max);
    if (read.period_s != 0 && read.period_s * 1000ull < read.minimum_ms)
        return PANDO_ERR_SYNTAX;
    *orders = read;
    return 0;
}

int pando_orchestration_read(const char *body, size_t body_bytes, struct pando_uploader_orders *orders)
{
    json_error_t where;
    json_t *object = json_loadb(body, body_bytes, JSON_REJECT_DUPLICATES, &where);
    int error = json_is_object(object) ? read_object(object, orders) : PANDO_ERR_SYNTAX;
    json_decref(object);
    return error;
}

enum pando_orchestration_verdict pando_orchestration_judge(const struct pando_try_outcome *outcome)
{
    bool is_about_us = outcome->failure == PANDO_TRY_ANSWERED && (outcome->status == 400 || outcome->status == 404);
    return is_about_us ? PANDO_ORDERS_PAUSE : PANDO_ORDERS_STAY;
}
