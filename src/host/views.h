/* What of a generation is state, for those who move it, copy it and make text of it. */
#ifndef HOST_VIEWS_H
#define HOST_VIEWS_H

#include "base/error.h"
#include "base/text.h"
#include "host/reach.h"
#include "layout/image.h"
#include "layout/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct generation;

/* Remembers how its state is laid out, from here on by a reference of its own. False with `err`:
 * the layout is not of its state. */
bool views_take_layout(struct generation *generation, struct layout *layout, struct error *err);

/* Whether it has something that its layout tells of: a state, heap objects, variables. */
bool views_has_parts(const struct generation *generation);

/* As it is, and as what is moved into it. With a layout only. */
struct image views_image(struct generation *generation);
struct target views_target(struct generation *generation);

/* The same for what may bring heap objects along. False with `err`: there is no place for them. */
bool views_target_with_heap(struct generation *generation, struct target *target,
                            struct error *err);

/* Bytes of the state, its heap objects and its variables. */
uint64_t views_size(const struct generation *generation);

/* Writes how many bytes its heap objects take into the status page, when it is the code that runs.
 */
void views_tell_heap(const struct generation *generation);

/* The bytes of a copy of it, which live until its code is called or its heap is. */
struct view_parts {
    struct image_head head;
    struct image_part list[IMAGE_PARTS];
    size_t count;
    uint64_t len; /* of all of them */
};

/* False with `err`: memory, or more than state.pin_limit bytes (ERROR_LIMIT). */
bool views_parts(struct generation *generation, struct view_parts *parts, struct error *err);

/* Its state as JSON, by its layout, at most state.max_json bytes. `statics`: with its variables,
 * where they are carried. */
bool views_encode(struct generation *generation, bool statics, struct text *json,
                  struct error *err);

/* What `pointer` names of all of that, at most `limit` bytes (ERROR_LIMIT). */
bool views_encode_value(struct generation *generation, const char *pointer, size_t limit,
                        struct text *json, struct error *err);

/* Its state, of any image. */
struct host;
bool views_encode_image(struct host *host, const struct image *image, bool statics,
                        struct text *json, struct error *err);

/* How far it may reach. `older`: whose heap objects it may have taken over. */
enum reach views_reach(const struct generation *generation, const struct generation *older);

#endif
