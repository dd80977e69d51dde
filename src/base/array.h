/* Room in an array that is appended to. The array is two members of the struct that owns it: a
 * pointer, NULL at first, and `room`, the number of items that there is memory for, 0 at first. It
 * is given back by free(). */
#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

/* Makes room for `need` items of `size` bytes, at least: for twice as many as there was room for,
 * so that many appends cost few moves. `array` is the address of the pointer, as in
 * array_reserve(&list->items, &list->room, list->count + 1, sizeof *list->items). False: no memory,
 * or no size_t holds so many bytes; the array is then as it was. */
bool array_reserve(void *array, size_t *room, size_t need, size_t size);

#endif
