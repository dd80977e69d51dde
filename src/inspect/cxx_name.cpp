#include "inspect/cxx_name.h"

#include <cstdio>
#include <cstdlib>
#include <cxxabi.h>

void cxx_name(const char *symbol, char *text, size_t size)
{
    int status = -1;
    bool mangled = symbol[0] == '_' && symbol[1] == 'Z';
    char *plain = mangled ? abi::__cxa_demangle(symbol, nullptr, nullptr, &status) : nullptr;
    (void)std::snprintf(text, size, "%s", plain != nullptr ? plain : symbol);
    std::free(plain);
}
