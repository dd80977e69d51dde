/* Floats as JSON, whatever the locale: the fewest digits that read back as the same bits. What JSON
 * has no number for is a string: "NaN" (its payload is not kept), "Infinity", "-Infinity". */
#ifndef LAYOUT_FLOAT_TEXT_H
#define LAYOUT_FLOAT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#define FLOAT_TEXT_MAX 64 /* bytes that one takes at most */

/* `value` as it is in a float of `size` bytes (4, 8, 16). Returns how many bytes were written;
 * there is no '\0' behind them. */
size_t float_text(long double value, size_t size, char out[FLOAT_TEXT_MAX]);

/* The same of values that are float and double: what float_text does with them. */
size_t float_text_single(float value, char out[FLOAT_TEXT_MAX]);
size_t float_text_double(double value, char out[FLOAT_TEXT_MAX]);

/* The number text[0..len), valid JSON, as the nearest value of a float of `size` bytes; beyond its
 * bounds: as the nearest long double. False: no memory for a long text. */
bool float_text_read(const char *text, size_t len, size_t size, long double *value);

#endif
