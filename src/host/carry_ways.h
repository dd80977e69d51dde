/* The ways that carry.c and carry_restore.c choose from. Private to these. */
#ifndef HOST_CARRY_WAYS_H
#define HOST_CARRY_WAYS_H

#include "base/text.h"
#include "host/carry.h"
#include "layout/image.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- carry_json.c: after carry_begin ---- */

/* `json` by the new code's deserialize. */
bool carry_by_callbacks(struct swap *swap, const struct text *json, uint32_t from_version);

/* `json` by the new code's layout, and its migrate, which gets it without what stands beside. */
bool carry_by_text(struct swap *swap, struct text *json, uint32_t from_version);

/* ---- carry_layout.c ---- */

/* The old state by both layouts: in place, or moved into a fresh one. */
bool carry_by_layout(struct swap *swap);

/* `image`, of another process, into the new state, which carry_begin made. */
bool carry_image(struct swap *swap, const struct image *image, uint32_t from_version);

/* The old code's variables into the new code's, where they are carried; the state goes another way.
 */
bool carry_variables(struct swap *swap);

/* The old state, with the edits that belong to the LOAD. */
bool carry_edited(struct swap *swap);

/* Whether the new code can make something of a state of this version. */
bool carry_takes_version(const struct swap *swap, uint32_t version, struct error *err);

/* False: values were lost, and state.on_loss forbids it. */
bool carry_allows_loss(struct swap *swap);

/* Calls the new code's migrate, where there is one, once the state is moved or read. */
bool carry_migrate(struct swap *swap, const struct text *old_json, uint32_t from_version);

#endif
