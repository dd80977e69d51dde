#include "host/check.h"

#include "base/clock.h"
#include "host/generation.h"
#include "host/host.h"

#include <stdio.h>

static void list_callbacks(const hotrun_module *module, struct text *out)
{
    const struct {
        const char *name;
        bool there;
    } rows[] = {{"init", module->init != NULL},
                {"step", module->step != NULL},
                {"serialize", module->serialize != NULL},
                {"deserialize", module->deserialize != NULL},
                {"on_event", module->on_event != NULL},
                {"fini", module->fini != NULL},
                {"get_extension", module->get_extension != NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].there) {
            text_printf(out, "%s%s", out->len > 0 ? ", " : "", rows[i].name);
        }
    }
}

void check_run(struct host *host, const struct load *load)
{
    struct error err = {0};
    enum swap_stage stage = SWAP_LOAD;
    uint64_t begun = clock_ns();
    struct message_checked told = {0};
    struct text callbacks = {0};
    struct text strays = {.limit = 8192};
    char name[256];
    struct generation *generation = generation_create(host, load, &stage, &err);
    told.load_ns = clock_ns() - begun;
    host->done = true;
    if (generation == NULL) {
        host_send(host, &(struct message){.type = MESSAGE_REJECTED,
                                          .rejected = {.generation = load->generation,
                                                       .stage = (uint64_t)stage,
                                                       .reason = bytes_of(err.text)}});
        return;
    }
    const hotrun_module *module = generation->module;
    (void)snprintf(name, sizeof name, "%s", module->name);
    (void)library_strays(generation->library, &strays);
    list_callbacks(module, &callbacks);
    told.state_size = module->state_size;
    told.state_align = module->state_align;
    told.state_version = module->state_version;
    told.abi_minor = module->abi_minor;
    told.flags = module->flags;
    told.mapped = library_mapped(generation->library);
    told.resident = !generation_destroy(generation, &err);
    told.module = bytes_of(name);
    told.callbacks = bytes_of(text_string(&callbacks));
    told.strays = bytes_of(text_string(&strays));
    told.resident_reason = bytes_of(told.resident ? err.text : "");
    host_send(host, &(struct message){.type = MESSAGE_CHECKED, .checked = told});
    text_finish(&callbacks);
    text_finish(&strays);
}
