#include "layout/path.h"
#include "layout/within.h"
#include "moves/run.h"

#include <string.h>

#define SYMBOL_GONE  1
#define SYMBOL_KNOWN 2

struct lead { /* where a pointer shall lead */
    enum {
        LEAD_TO,     /* `address` */
        LEAD_STAYS,  /* where it leads now: that is alive */
        LEAD_DEFAULT /* what the target has */
    } how;
    uint64_t address;
    struct text why; /* of what is told; empty: nothing */
    bool of_owner;   /* it is told of the owner that the pointer lies in */
};

static uint64_t load(const unsigned char *bytes)
{
    uint64_t address;
    memcpy(&address, bytes, sizeof address);
    return address;
}

static struct lead lead_to(uint64_t address)
{
    return (struct lead){.how = LEAD_TO, .address = address};
}

/* What is of no use in the new library stays while it is there at all. */
static struct lead lead_nowhere(const struct run *run)
{
    return (struct lead){.how = run->image->alive ? LEAD_STAYS : LEAD_DEFAULT};
}

static const char *what_it_has(const struct lead *lead)
{
    return lead->how == LEAD_STAYS ? "" : ", and it has its default";
}

/* ---- into what is moved ---- */

static void append_old_path(struct run *run, const struct path_spot *whole, uint64_t offset,
                            uint32_t wanted, struct text *out)
{
    if (run->old_roster == NULL) {
        run->old_roster = roster_create(run->plan->from);
    }
    if (run->old_roster != NULL) {
        (void)path_append(run->old_roster, whole, offset, wanted, out);
    }
}

/* The old place is used for something else soon, so that no pointer may stay there. */
static struct lead lead_gone(struct run *run, const char *name, uint32_t type, uint64_t offset,
                             uint32_t wanted)
{
    struct lead lead = {.how = LEAD_DEFAULT};
    (void)text_printf(&lead.why, "led to %s", name);
    append_old_path(run, &(struct path_spot){type, 0, 1, 0, 0}, offset, wanted, &lead.why);
    (void)text_puts(&lead.why, ", which is gone, and has its default");
    return lead;
}

static struct lead lead_into_state(struct run *run, uint64_t offset, uint32_t wanted)
{
    uint64_t place;
    if (run->state_stays) {
        return lead_to(run->image->state_address + offset);
    }
    if (!pair_place(run->plan->pairs, run->plan->state, offset, wanted, &place)) {
        return lead_gone(run, "", 0, offset, wanted);
    }
    return lead_to((uint64_t)(uintptr_t)run->target->state + place);
}

static struct lead lead_to_freed(const struct run *run)
{
    struct lead lead = {.how = run->heap_stays ? LEAD_STAYS : LEAD_DEFAULT};
    if (!run->heap_stays) {
        (void)text_puts(&lead.why, "led to a heap object that was freed, and has its default");
    }
    return lead;
}

/* Behind a single object another one can have been, but for the end of an array in it. */
static bool was_freed(const struct run *run, const struct bound *bound, uint32_t wanted)
{
    uint32_t pair = run->object_pairs[bound->object - run->heap.objects];
    return bound->object->count == 1 && bound->offset == bound->object->size &&
           (pair == LAYOUT_NONE || wanted == run->plan->pairs->list[pair].from ||
            run->plan->from->types[wanted].kind == LAYOUT_UNKNOWN);
}

static struct lead lead_into_heap(struct run *run, const struct bound *bound, uint32_t wanted)
{
    if (run->target->only_variables) {
        struct lead lead = {.how = LEAD_DEFAULT};
        (void)text_puts(&lead.why,
                        "led to a heap object, which goes another way, and has its default");
        return lead;
    }
    size_t i = (size_t)(bound->object - run->heap.objects);
    const struct heap_object *object = bound->object;
    uint32_t pair = run->object_pairs[i];
    if (run->heap_stays) {
        return lead_to(run->heap.address + object->offset + bound->offset);
    }
    if (was_freed(run, bound, wanted)) {
        return lead_to_freed(run);
    }
    if (pair == LAYOUT_NONE) {
        return lead_to(run->objects[i] + bound->offset);
    }
    const struct pair *types = &run->plan->pairs->list[pair];
    uint64_t index = bound->offset / object->size, rest = bound->offset % object->size;
    uint64_t start = run->objects[i] + index * run->plan->to->types[types->to].size;
    uint64_t place = 0;
    if (rest != 0 || index < object->count) {
        bool found = pair_place(run->plan->pairs, pair, rest, wanted, &place);
        if (!found && rest != 0) {
            return lead_gone(
                run, layout_string(run->plan->from, run->plan->from->types[types->from].name),
                types->from, rest, wanted);
        }
    }
    return lead_to(start + place);
}

/* ---- into the library ---- */

static struct lead lead_into_variable(struct run *run, const struct bound *bound, uint32_t wanted)
{
    uint32_t i = (uint32_t)(bound->variable - run->plan->from->variables);
    uint32_t fresh = run->variables[i], pair = run->variable_pairs[i];
    uint64_t place = bound->offset;
    if (fresh != LAYOUT_NONE &&
        (bound->offset == 0 ||
         (pair != LAYOUT_NONE &&
          pair_place(run->plan->pairs, pair, bound->offset, wanted, &place)))) {
        return lead_to(run->target->module_base + run->plan->to->variables[fresh].address + place);
    }
    struct lead lead = lead_nowhere(run);
    (void)text_printf(&lead.why, "points to the old variable %s, which is %s%s",
                      layout_string(run->plan->from, bound->variable->name),
                      fresh == LAYOUT_NONE ? "gone" : "of another type", what_it_has(&lead));
    return lead;
}

static uint64_t find_symbol(struct run *run, const struct layout_symbol *symbol)
{
    uint64_t address;
    uint64_t *known =
        run->symbols == NULL ? NULL : &run->symbols[symbol - run->plan->from->symbols];
    if (known != NULL && *known != 0) {
        return *known;
    }
    uint64_t found = bind_symbol(run->plan->from, symbol, run->plan->to, &address)
                         ? address + SYMBOL_KNOWN
                         : SYMBOL_GONE;
    if (known != NULL) {
        *known = found;
    }
    return found;
}

/* Whether the new symbol means the same `offset` bytes behind its start: code is another one there,
 * and an array can be shorter. */
static bool reaches(const struct run *run, const struct layout_symbol *old, uint64_t address,
                    uint64_t offset)
{
    const struct layout_symbol *fresh = layout_symbol_at(run->plan->to, address);
    return offset == 0 || (old->function == 0 && (fresh == NULL || fresh->address != address ||
                                                  fresh->size == 0 || offset <= fresh->size));
}

static struct lead lead_to_symbol(struct run *run, const struct bound *bound)
{
    const struct layout_symbol *symbol = bound->symbol;
    uint64_t found = find_symbol(run, symbol);
    if (found != SYMBOL_GONE && reaches(run, symbol, found - SYMBOL_KNOWN, bound->offset)) {
        return lead_to(run->target->module_base + found - SYMBOL_KNOWN + bound->offset);
    }
    struct lead lead = lead_nowhere(run);
    const char *name = layout_string(run->plan->from, symbol->name);
    if (found != SYMBOL_GONE) {
        (void)text_printf(&lead.why, "points into the old %s%s%s",
                          symbol->function != 0 ? "code of " : "", name, what_it_has(&lead));
    } else {
        (void)text_printf(&lead.why, "points to old %s: %s is gone%s",
                          symbol->function != 0 ? "code" : "data", name, what_it_has(&lead));
    }
    return lead;
}

static struct lead lead_into_library(const struct run *run)
{
    struct lead lead = lead_nowhere(run);
    (void)text_printf(&lead.why, "points into the old library where nothing has a name%s",
                      what_it_has(&lead));
    return lead;
}

static struct lead lead_to_text(struct run *run, const struct bound *bound, uint32_t wanted)
{
    uint64_t address =
        bind_suits(run->plan->from, bound, wanted) ? texts_find(&run->texts, bound->text) : 0;
    return address != 0 ? lead_to(address) : lead_into_library(run);
}

/* ---- elsewhere ---- */

static bool pointee_changed(const struct run *run, uint32_t from, uint32_t to)
{
    const struct layout_type *old = &run->plan->from->types[from];
    const struct layout_type *fresh = &run->plan->to->types[to];
    if (old->size == 0 || fresh->size == 0) {
        return false;
    }
    uint32_t pair = pairs_find(run->plan->pointees, from, to, NULL);
    return pair != LAYOUT_NONE && (run->plan->pointees->list[pair].flags & PAIR_LIKE) == 0;
}

/* What is neither a value nor code may hold pointers. */
static bool is_more_than_a_value(const struct layout *layout, uint32_t type)
{
    uint32_t kind = layout->types[type].kind;
    return kind != LAYOUT_FUNCTION && (kind < LAYOUT_BOOL || kind > LAYOUT_ENUM);
}

/* What was freed can lie behind the last object that there is. */
static bool is_of_heap(const struct run *run, uint64_t address)
{
    const struct image *image = run->image;
    uint64_t heap = image->objects != NULL ? heap_address(image->objects) : image->heap_address;
    return heap != 0 && address >= heap && address - heap < HEAP_SIZE_MAX;
}

static void put_changed(const struct run *run, uint32_t type, struct lead *lead)
{
    lead->of_owner = run->owner.bytes != NULL;
    (void)text_printf(&lead->why, "%s memory of the module whose ",
                      lead->of_owner ? "holds" : "points to");
    (void)layout_type_name(run->plan->from, type, &lead->why);
    (void)text_printf(&lead->why, " has changed, and which stays as it was: %s, or reset the state",
                      lead->of_owner ? "undo that" : "use hotrun_alloc");
}

static struct lead lead_elsewhere(struct run *run, const struct move *move, uint64_t address)
{
    struct lead lead = lead_nowhere(run);
    if (is_of_heap(run, address)) {
        return lead_to_freed(run);
    }
    if (!run->image->alive) {
        (void)text_puts(&lead.why, "led to memory that is gone, and has its default");
        return lead;
    }
    uint32_t from = run->plan->from->types[move->from_type].target;
    uint32_t to = run->plan->to->types[move->to_type].target;
    run->findings->elsewhere += is_more_than_a_value(run->plan->from, from);
    if (pointee_changed(run, from, to)) {
        put_changed(run, from, &lead);
    }
    return lead;
}

/* ---- all of them ---- */

static struct bound look(const struct run *run, uint64_t address)
{
    return bind_look(run->image, run->heap.count > 0 ? &run->heap : NULL, run->target->statics,
                     address);
}

static struct lead find_lead(struct run *run, const struct move *move, uint64_t address,
                             const struct bound *bound)
{
    uint32_t wanted = run->plan->from->types[move->from_type].target;
    switch (bound->what) {
    case POINTEE_NULL:
        return lead_to(0);
    case POINTEE_STATE:
        return lead_into_state(run, bound->offset, wanted);
    case POINTEE_HEAP:
        return lead_into_heap(run, bound, wanted);
    case POINTEE_VARIABLE:
        return lead_into_variable(run, bound, wanted);
    case POINTEE_SYMBOL:
        return lead_to_symbol(run, bound);
    case POINTEE_TEXT:
        return lead_to_text(run, bound, wanted);
    case POINTEE_LIBRARY:
        return lead_into_library(run);
    default:
        return lead_elsewhere(run, move, address);
    }
}

static void tell(struct run *run, const unsigned char *to, uint32_t type, struct lead *lead)
{
    struct text path = {0};
    bool again = lead->of_owner && run->owner.told;
    if (lead->of_owner) {
        run->owner.told = true;
        to = run->owner.bytes;
        type = run->owner.type;
    }
    if (lead->why.len > 0 && !again && run_names(run, FINDING_KEPT)) {
        run_path(run, to, type, 0, 0, &path);
        findings_add(run->findings, FINDING_KEPT, "%s: %s", text_string(&path),
                     text_string(&lead->why));
    }
    text_finish(&path);
    text_finish(&lead->why);
}

/* Pages of a state that stays are not written without need. */
static void store(const struct run *run, const struct lead *lead, uint64_t old, unsigned char *to)
{
    uint64_t address = lead->how == LEAD_STAYS ? old : lead->address;
    if (lead->how == LEAD_DEFAULT || (run->in_place && address == old)) {
        return;
    }
    memcpy(to, &address, sizeof address);
}

/* ---- to members of classes ---- */

static uint32_t field_type(const struct layout *layout, uint32_t pointer, uint32_t field)
{
    const struct layout_type *both = &layout->types[layout->types[pointer].target];
    return both->kind == LAYOUT_UNION && both->count > field
               ? layout->fields[both->first + field].type
               : LAYOUT_NONE;
}

/* What is stored is where in its class a data member lies; all bits: nowhere. */
static struct lead lead_to_member(struct run *run, const struct move *move, uint64_t offset)
{
    const struct layout *from = run->plan->from, *to = run->plan->to;
    uint32_t old = field_type(from, move->from_type, 0), fresh = field_type(to, move->to_type, 0);
    uint32_t wanted = field_type(from, move->from_type, 1);
    uint64_t place;
    if (offset == UINT64_MAX) {
        return lead_to(offset);
    }
    if (old == LAYOUT_NONE || fresh == LAYOUT_NONE || wanted == LAYOUT_NONE) {
        return (struct lead){.how = LEAD_DEFAULT};
    }
    uint32_t pair = pairs_find(run->plan->pointees, old, fresh, NULL);
    if (pair != LAYOUT_NONE && pair_place(run->plan->pointees, pair, offset, wanted, &place)) {
        return lead_to(place);
    }
    return lead_gone(run, layout_string(from, from->types[old].name), old, offset, wanted);
}

static struct lead find_any_lead(struct run *run, const struct move *move, uint64_t old)
{
    if ((run->plan->from->types[move->from_type].flags & LAYOUT_OFFSET) != 0) {
        return lead_to_member(run, move, old);
    }
    struct bound bound = look(run, old);
    return find_lead(run, move, old, &bound);
}

bool run_pointer_resets(struct run *run, const struct move *move, const unsigned char *from)
{
    struct lead lead = find_any_lead(run, move, load(from));
    text_finish(&lead.why);
    return lead.how == LEAD_DEFAULT;
}

void run_pointer(struct run *run, const struct move *move, const unsigned char *from,
                 unsigned char *to)
{
    uint64_t old = load(from);
    struct lead lead = find_any_lead(run, move, old);
    tell(run, to, move->to_type, &lead);
    store(run, &lead, old, to);
}

/* Each part of an object has a table of its own in the symbol of its class: another place of the
 * part, and virtual functions that were added, move it. */
static struct lead lead_to_table(struct run *run, const struct move *move,
                                 const struct bound *bound)
{
    uint64_t found = find_symbol(run, bound->symbol), offset;
    if ((move->from_step == 0 && move->to_step == 0) || found == SYMBOL_GONE) {
        return lead_to_symbol(run, bound);
    }
    if (bind_table(run->plan->to, run->target->module_base, found - SYMBOL_KNOWN, move->to_step,
                   &offset)) {
        return lead_to(run->target->module_base + found - SYMBOL_KNOWN + offset);
    }
    struct lead lead = lead_nowhere(run);
    (void)text_printf(&lead.why, "points into the old %s%s",
                      layout_string(run->plan->from, bound->symbol->name), what_it_has(&lead));
    return lead;
}

void run_vtable(struct run *run, const struct move *move, const unsigned char *from,
                unsigned char *to)
{
    uint64_t old = load(from);
    struct bound bound = look(run, old);
    struct lead lead = {.how = LEAD_DEFAULT}; /* as the new code's constructor made it */
    if (bound.what == POINTEE_SYMBOL) {
        lead = lead_to_table(run, move, &bound);
    } else if (run->in_place) {
        lead.how = LEAD_STAYS;
    }
    tell(run, to, LAYOUT_NONE, &lead);
    store(run, &lead, old, to);
}

/* ---- unions ---- */

/* Which member holds is not known: a word is taken for a pointer where some member has one, and
 * when it leads to something that is known. False: it is none, and nothing was stored. */
static bool move_word(struct run *run, const struct move *move, uint64_t offset, uint64_t old,
                      unsigned char *to)
{
    bool surely;
    struct lead lead = {.how = LEAD_STAYS};
    struct bound bound = look(run, old);
    run->findings->elsewhere += bound.what == POINTEE_FOREIGN && run->image->alive;
    uint32_t type = bound.what == POINTEE_NULL
                        ? LAYOUT_NONE
                        : within_pointer(run->plan->from, move->from_type, offset, &bound, &surely);
    if (type == LAYOUT_NONE) {
        return false;
    }
    bool known = surely || bound.what != POINTEE_FOREIGN;
    if (known && (bound.what != POINTEE_FOREIGN || !run->image->alive)) {
        struct move pointer = {.from_type = type, .to_type = move->to_type};
        lead = find_lead(run, &pointer, old, &bound);
    } else if (!known && !run->image->alive && old >> 16 != 0 && old >> 47 == 0) {
        (void)text_puts(&lead.why, "may be a pointer to memory that is gone");
    }
    tell(run, to, LAYOUT_NONE, &lead);
    if (known) {
        store(run, &lead, old, to);
    }
    return known;
}

void run_words(struct run *run, const struct move *move, const unsigned char *from,
               unsigned char *to)
{
    uint64_t offset = 0, step = move->from_step;
    while (offset + sizeof(uint64_t) <= move->size) {
        if (move_word(run, move, offset, load(from + offset), to + offset)) {
            offset += sizeof(uint64_t);
            continue;
        }
        if (!run->in_place) {
            memcpy(to + offset, from + offset, (size_t)step);
        }
        offset += step;
    }
    if (!run->in_place && offset < move->size) {
        memcpy(to + offset, from + offset, (size_t)(move->size - offset));
    }
}
