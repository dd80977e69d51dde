#include "moves/run.h"

#include "layout/convert.h"
#include "layout/float_text.h"
#include "layout/quick.h"

#include <string.h>

__extension__ typedef unsigned __int128 wide_uint;

/* ---- scalars ---- */

static void put_number(const struct value *value, struct text *out)
{
    wide_uint left = (wide_uint)value->wide;
    char digits[40];
    size_t at = sizeof digits;
    bool negative = value->kind != VALUE_UINT && value->wide < 0;
    left = negative ? -left : left;
    do {
        digits[--at] = (char)('0' + (int)(left % 10));
        left /= 10;
    } while (left != 0);
    (void)(negative && text_puts(out, "-"));
    (void)text_append(out, digits + at, sizeof digits - at);
}

static void put_value(const struct value *value, const struct layout_type *type, struct text *out)
{
    char digits[FLOAT_TEXT_MAX];
    switch (value->kind) {
    case VALUE_FLOAT:
        (void)text_append(out, digits, float_text(value->real, (size_t)type->size, digits));
        break;
    case VALUE_BOOL:
        (void)text_puts(out, value->wide != 0 ? "true" : "false");
        break;
    case VALUE_NAME:
        if (value->name != NULL) {
            (void)text_puts(out, value->name);
            break;
        }
        __attribute__((fallthrough));
    default:
        put_number(value, out);
    }
}

/* With digits enough to differ from what it was. */
static void put_rounded(const struct value *value, const struct layout_type *type, struct text *out)
{
    char digits[FLOAT_TEXT_MAX];
    size_t size = type->size < sizeof(double) ? sizeof(double) : (size_t)type->size;
    (void)text_append(out, digits, float_text(value->real, size, digits));
}

static void tell_another(struct run *run, const struct move *move, const struct value *value,
                         unsigned char *to, bool rounded)
{
    enum finding kind = rounded ? FINDING_ROUNDED : FINDING_LOST;
    const struct layout_type *from_type = &run->plan->from->types[move->from_type];
    const struct layout_type *to_type = &run->plan->to->types[move->to_type];
    struct text path = {0}, was = {0}, is = {0};
    if (run_names(run, kind)) {
        struct value made = convert_read(run->plan->to, to_type, to, move->to_bit, move->to_bits);
        run_path(run, to, move->to_type, move->to_bit, move->to_bits, &path);
        put_value(value, from_type, &was);
        if (rounded) {
            put_rounded(&made, to_type, &is);
        } else {
            put_value(&made, to_type, &is);
        }
        findings_add(run->findings, kind, rounded ? "%s: %s was rounded to %s" : "%s: %s became %s",
                     text_string(&path), text_string(&was), text_string(&is));
    }
    text_finish(&path);
    text_finish(&was);
    text_finish(&is);
}

static void convert(struct run *run, const struct move *move, const unsigned char *from,
                    unsigned char *to)
{
    const struct layout_type *from_type = &run->plan->from->types[move->from_type];
    const struct layout_type *to_type = &run->plan->to->types[move->to_type];
    struct value value =
        convert_read(run->plan->from, from_type, from, move->from_bit, move->from_bits);
    enum conversion how =
        convert_write(&value, run->plan->to, to_type, to, move->to_bit, move->to_bits);
    if (how != CONVERSION_EXACT) {
        tell_another(run, move, &value, to, how == CONVERSION_ROUNDED);
    }
}

/* ---- bytes ---- */

#define SPARSE ((uint64_t)64 << 10) /* smaller ones are copied without a look at what they hold */

static void copy_sparse(const struct run *run, const unsigned char *from, unsigned char *to,
                        uint64_t size)
{
    uint64_t begin, end;
    for (uint64_t at = 0; run_stretch(run, from, to, 1, 1, size, at, &begin, &end); at = end) {
        memcpy(to + begin, from + begin, (size_t)(end - begin));
    }
}

static void zero_sparse(const struct run *run, unsigned char *to, uint64_t size)
{
    uint64_t begin, end;
    for (uint64_t at = 0; run_stretch(run, NULL, to, 1, 1, size, at, &begin, &end); at = end) {
        memset(to + begin, 0, (size_t)(end - begin));
    }
}

static void tell_cut(struct run *run, const struct move *move, const unsigned char *to,
                     uint64_t from_len, uint64_t to_len, const char *what)
{
    struct text path = {0};
    if (run_names(run, FINDING_LOST)) {
        run_path(run, to, move->to_type, 0, 0, &path);
        findings_add(run->findings, FINDING_LOST, "%s: cut from %llu to %llu %s",
                     text_string(&path), (unsigned long long)from_len, (unsigned long long)to_len,
                     what);
    }
    text_finish(&path);
}

/* Of a text in an array of `size`: up to the last byte that is not zero. */
static uint64_t text_len(const struct run *run, const unsigned char *from, uint64_t size)
{
    uint64_t begin, end, len = 0;
    for (uint64_t at = 0; run_stretch(run, from, NULL, 1, 1, size, at, &begin, &end); at = end) {
        for (uint64_t i = end; i > begin; i--) {
            if (from[i - 1] != 0) {
                len = i;
                break;
            }
        }
    }
    return len;
}

static void move_text(struct run *run, const struct move *move, const unsigned char *from,
                      unsigned char *to)
{
    uint64_t len = text_len(run, from, move->size);
    if (convert_text((const char *)from, (size_t)len, len < move->size, to,
                     (size_t)move->to_step) != CONVERSION_EXACT) {
        tell_cut(run, move, to, len, strnlen((const char *)to, (size_t)move->to_step), "bytes");
    }
}

static void tell_elements(struct run *run, const struct move *move, const unsigned char *from,
                          unsigned char *to)
{
    if (run_holds(run, from + move->from, move->size)) {
        tell_cut(run, move, to + move->to, run->plan->from->types[move->from_type].elements,
                 run->plan->to->types[move->to_type].elements, "elements");
    }
}

/* ---- all of them ---- */

static void move_one(struct run *run, const struct move *move, const unsigned char *from,
                     unsigned char *to)
{
    switch (move->kind) {
    case MOVE_POINTER:
        run_pointer(run, move, from + move->from, to + move->to);
        break;
    case MOVE_VTABLE:
        run_vtable(run, move, from + move->from, to + move->to);
        break;
    case MOVE_WORDS:
        run_words(run, move, from + move->from, to + move->to);
        break;
    case MOVE_EACH:
        run_values(run, move->pair, from + move->from, to + move->to, move->count, move->from_step,
                   move->to_step);
        break;
    case MOVE_TEXT:
        move_text(run, move, from + move->from, to + move->to);
        break;
    case MOVE_ZERO:
        zero_sparse(run, to + move->to, move->size);
        break;
    case MOVE_CUT:
        tell_elements(run, move, from, to);
        break;
    default:
        break;
    }
}

static bool only_binds(const struct move *move)
{
    return move->kind == MOVE_POINTER || move->kind == MOVE_VTABLE || move->kind == MOVE_WORDS ||
           move->kind == MOVE_EACH;
}

/* ---- many ---- */

struct column { /* one move of some elements */
    const unsigned char *from;
    unsigned char *to;
    uint64_t count, from_step, to_step;
};

static void convert_column(struct run *run, const struct move *move, const struct column *column)
{
    for (uint64_t i = 0; i < column->count; i++) {
        const unsigned char *from = column->from + i * column->from_step;
        unsigned char *to = column->to + i * column->to_step;
        enum quick_result how = quick_convert(move->quick_from, move->quick_to, from, to);
        if (how == QUICK_CANNOT || (how == QUICK_ROUNDED && run_names(run, FINDING_ROUNDED))) {
            convert(run, move, from, to);
        }
    }
}

/* With a size that is known to the compiler, so that it calls nothing. */
static inline __attribute__((always_inline)) void copy_each(const struct column *column,
                                                            size_t size)
{
    for (uint64_t i = 0; i < column->count; i++) {
        memcpy(column->to + i * column->to_step, column->from + i * column->from_step, size);
    }
}

static void copy_column(const struct run *run, const struct column *column, uint64_t size)
{
    switch (size) {
    case 1:
        copy_each(column, 1);
        break;
    case 4:
        copy_each(column, 4);
        break;
    case 8:
        copy_each(column, 8);
        break;
    case 16:
        copy_each(column, 16);
        break;
    case 24:
        copy_each(column, 24);
        break;
    case 32:
        copy_each(column, 32);
        break;
    default:
        for (uint64_t i = 0; i < column->count; i++) {
            const unsigned char *from = column->from + i * column->from_step;
            unsigned char *to = column->to + i * column->to_step;
            if (size < SPARSE) {
                memcpy(to, from, (size_t)size);
            } else {
                copy_sparse(run, from, to, size);
            }
        }
    }
}

static void run_column(struct run *run, const struct move *move, struct column column)
{
    if (move->kind == MOVE_COPY || move->kind == MOVE_CONVERT) {
        column.from += move->from;
        column.to += move->to;
    }
    if (move->kind == MOVE_COPY) {
        copy_column(run, &column, move->size);
        return;
    }
    if (move->kind == MOVE_CONVERT) {
        convert_column(run, move, &column);
        return;
    }
    for (uint64_t i = 0; i < column.count; i++) {
        move_one(run, move, column.from + i * column.from_step, column.to + i * column.to_step);
    }
}

#define BLOCK 4096 /* bytes of elements that are moved field by field: they stay in the cache */

static void run_block(struct run *run, const struct pair *pair, struct column column)
{
    const struct move *moves = run->plan->pairs->moves + pair->first;
    for (uint32_t i = 0; i < pair->count; i++) {
        if (!run->in_place || only_binds(&moves[i])) {
            run_column(run, &moves[i], column);
        }
    }
}

static void run_part(struct run *run, uint32_t number, struct column column)
{
    const struct pair *pair = &run->plan->pairs->list[number];
    for (; (pair->flags & PAIR_OWNER) != 0 && column.count > 0; column.count--) {
        run_value(run, number, column.from, column.to); /* each of them is told by itself */
        column.from += column.from_step;
        column.to += column.to_step;
    }
    uint64_t most = 1 + BLOCK / (column.from_step + column.to_step + 1), left = column.count;
    while (left > 0) {
        column.count = left < most ? left : most;
        run_block(run, pair, column);
        column.from += column.count * column.from_step;
        column.to += column.count * column.to_step;
        left -= column.count;
    }
}

void run_values(struct run *run, uint32_t number, const unsigned char *from, unsigned char *to,
                uint64_t count, uint64_t from_step, uint64_t to_step)
{
    const struct pair *pair = &run->plan->pairs->list[number];
    uint64_t begin, end;
    if (run->in_place && (pair->flags & PAIR_POINTERS) == 0) {
        return;
    }
    bool all = count * from_step < SPARSE || (pair->flags & PAIR_STIRS) != 0 ||
               (run->in_place && count == 1);
    for (uint64_t at = 0; at < count; at = end) {
        begin = at;
        end = count;
        if (!all && !run_stretch(run, from, to, from_step, to_step, count, at, &begin, &end)) {
            return;
        }
        run_part(run, number,
                 (struct column){from + begin * from_step, to + begin * to_step, end - begin,
                                 from_step, to_step});
    }
}

void run_value(struct run *run, uint32_t number, const unsigned char *from, unsigned char *to)
{
    if (run_owner_stays(run, number, from, to)) {
        return;
    }
    const struct pair *pair = &run->plan->pairs->list[number];
    bool outermost = (pair->flags & PAIR_OWNER) != 0 && run->owner.bytes == NULL;
    if (outermost) {
        run->owner = (struct owner){to, pair->to, false};
    }
    run_block(run, pair, (struct column){from, to, 1, 0, 0});
    if (outermost) {
        run->owner.bytes = NULL;
    }
}
