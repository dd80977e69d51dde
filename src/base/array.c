#include "base/array.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 8

bool array_reserve(void *array, size_t *room, size_t need, size_t size)
{
    if (need <= *room) {
        return true;
    }
    const size_t most = PTRDIFF_MAX / size;
    size_t more = *room > most / 2 ? most : *room * 2;
    more = more < FIRST_ROOM ? FIRST_ROOM : more;
    more = more < need ? need : more;
    /* A pointer of any type, which no void ** may point to. */
    void *items;
    memcpy(&items, array, sizeof items);
    items = more > most ? NULL : realloc(items, more * size);
    if (items == NULL) {
        return false;
    }
    memcpy(array, &items, sizeof items);
    *room = more;
    return true;
}
