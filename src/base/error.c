#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool error_set(struct error *err, enum error_code code, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        err->code = code;
        (void)vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return false;
}

bool error_errno(struct error *err, const char *format, ...)
{
    int saved = errno;
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        err->code = ERROR_SYSTEM;
        int len = vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        if (len >= 0 && (size_t)len < sizeof err->text) {
            (void)snprintf(err->text + len, sizeof err->text - (size_t)len, ": %s",
                           strerror(saved));
        }
    }
    return false;
}
