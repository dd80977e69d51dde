/* Numbers as JSON writes them, compared by their exact decimal value. */
#ifndef STATE_NUMBER_H
#define STATE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

/* Both are valid. Takes no memory, however long they are and whatever their exponents. */
bool number_same(const char *a, size_t a_len, const char *b, size_t b_len);

#endif
