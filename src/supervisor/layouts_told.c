/* The control method `state.layout`. */
#include "layout/describe.h"
#include "state/json.h"
#include "supervisor/layouts.h"
#include "supervisor/layouts_parts.h"
#include "supervisor/state.h"

static void tell(struct supervisor *sup, bool json, struct control_call *call)
{
    struct text told = {0}, result = {0};
    if (!layouts_tell_state(sup)) {
        control_fail(call, CONTROL_REFUSED, layouts_why(sup));
        return;
    }
    const struct layout *layout = sup->current->layout;
    bool ok = (json ? describe_as_json(layout, &told) : describe_as_c(layout, &told)) &&
              text_puts(&result, "{\"layout\":") &&
              (json ? text_append(&result, told.data, told.len)
                    : json_quote(&result, text_string(&told))) &&
              text_puts(&result, "}");
    if (ok) {
        control_answer_text(call, text_string(&result), result.len);
    } else {
        control_fail(call, CONTROL_INTERNAL, "no memory for the answer");
    }
    text_finish(&result);
    text_finish(&told);
}

void layouts_command(struct supervisor *sup, const cJSON *params, struct control_call *call)
{
    const cJSON *json = cJSON_GetObjectItemCaseSensitive(params, "json");
    struct layouts *layouts = sup->layouts;
    if (json != NULL && !cJSON_IsBool(json)) {
        control_fail(call, CONTROL_INVALID_PARAMS, "json: expected true or false");
    } else if (layouts != NULL && layouts->asker_count < LAYOUTS_ASKERS_MOST &&
               sup->current != NULL && layouts_await(sup, sup->current)) {
        layouts->askers[layouts->asker_count++] = (struct layout_asker){call, cJSON_IsTrue(json)};
    } else {
        tell(sup, cJSON_IsTrue(json), call);
    }
}

void layouts_answer(struct supervisor *sup)
{
    struct layouts *layouts = sup->layouts;
    if (layouts->asker_count == 0 || (sup->current != NULL && layouts_await(sup, sup->current))) {
        return;
    }
    unsigned count = layouts->asker_count;
    layouts->asker_count = 0;
    for (unsigned i = 0; i < count; i++) {
        tell(sup, layouts->askers[i].json, layouts->askers[i].call);
    }
}
