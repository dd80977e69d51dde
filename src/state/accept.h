/* The quick way to a yes: the same rules as the tokens of scan.h and the keys of object_keys.h, but
 * nothing is kept to say why not. */
#ifndef STATE_ACCEPT_H
#define STATE_ACCEPT_H

#include <stdbool.h>
#include <stddef.h>

/* True: text[0..len) is valid JSON, each key once in its object. False: it is not, or there is no
 * memory to tell. */
bool accept_json(const char *text, size_t len);

#endif
