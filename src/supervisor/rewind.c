#include "supervisor/rewind.h"

#include "store/store.h"
#include "supervisor/resume.h"
#include "supervisor/snapshots.h"
#include "supervisor/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_MOST 1e15

/* Whether it is a state of this module, and not just the one that runs. */
static bool leads_back(const struct supervisor *sup, uint64_t id)
{
    struct store_entry entry;
    struct error err;
    if (!store_look(snapshots_store(sup), id, &entry, &err) || !entry.readable) {
        return false;
    }
    bool ours = sup->module[0] == '\0' || strcmp(sup->module, entry.snapshot.module) == 0;
    return ours && (sup->rewound != 0 || entry.snapshot.step != sup->report.step);
}

/* 0 with `err`. */
static uint64_t find_earlier(struct supervisor *sup, struct error *err)
{
    uint64_t *ids = NULL;
    size_t count = 0;
    uint64_t found = 0;
    if (!store_ids(snapshots_store(sup), &ids, &count, err)) {
        return 0;
    }
    supervisor_look(sup);
    for (size_t i = 0; i < count && found == 0; i++) {
        bool further = sup->rewound == 0 || ids[i] < sup->rewound;
        found = further && leads_back(sup, ids[i]) ? ids[i] : 0;
    }
    free(ids);
    if (found == 0 && sup->rewound != 0) {
        error_set(err, ERROR_MISSING,
                  "there is no snapshot before %llu: `hotrun history` lists them",
                  (unsigned long long)sup->rewound);
    } else if (found == 0) {
        const char *why = snapshots_unstored(sup);
        error_set(err, ERROR_MISSING, "there is no snapshot to go back to: %s",
                  why != NULL ? why : "none is stored so far; `hotrun snapshot` makes one");
    }
    return found;
}

void rewind_command(struct supervisor *sup, const cJSON *params, struct control_call *call)
{
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(params, "id");
    double number = cJSON_IsNumber(given) ? given->valuedouble : 0;
    struct error err = {0};
    if (given != NULL &&
        !(number >= 1 && number <= ID_MOST && number == (double)(uint64_t)number)) {
        control_fail(call, CONTROL_INVALID_PARAMS,
                     "id: expected the number of a snapshot, as `hotrun history` lists them");
        return;
    }
    if (given == NULL && (sup->state == POLICY_STOPPING || sup->ending)) {
        control_fail(call, CONTROL_REFUSED, "hotrun is stopping");
        return;
    }
    struct store_entry entry;
    uint64_t id = given != NULL ? (uint64_t)number : find_earlier(sup, &err);
    if (id != 0 && !store_look(snapshots_store(sup), id, &entry, &err)) {
        control_fail(call, CONTROL_REFUSED, err.text);
        return;
    }
    char *path = id == 0 ? NULL : store_path(snapshots_store(sup), id);
    if (path != NULL) {
        resume_with(sup, path, id, call);
    } else {
        control_fail(call, CONTROL_REFUSED, id == 0 ? err.text : "no memory for a path");
    }
    free(path);
}
