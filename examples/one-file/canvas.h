#ifndef CANVAS_H
#define CANVAS_H

#include <stdio.h>
#include <string.h>

#define CANVAS_WIDTH  48
#define CANVAS_HEIGHT 16

struct canvas {
    char rows[CANVAS_HEIGHT][CANVAS_WIDTH + 1];
};

static inline void canvas_clear(struct canvas *canvas)
{
    for (int y = 0; y < CANVAS_HEIGHT; y++) {
        memset(canvas->rows[y], ' ', CANVAS_WIDTH);
        canvas->rows[y][CANVAS_WIDTH] = '\0';
    }
}

static inline void canvas_print(const struct canvas *canvas, FILE *file)
{
    for (int y = 0; y < CANVAS_HEIGHT; y++) {
        (void)fprintf(file, "%s\n", canvas->rows[y]);
    }
    (void)fflush(file);
}

#endif
