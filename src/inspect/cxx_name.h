/* C++ names as people write them. */
#ifndef INSPECT_CXX_NAME_H
#define INSPECT_CXX_NAME_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Writes the readable form of `symbol`, cut to `size`; a name that is not mangled as it is. */
void cxx_name(const char *symbol, char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
