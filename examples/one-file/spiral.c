/* A picture in the terminal, drawn anew each second. */
/* hotrun: cflags="-O1 -Wall -Wextra" */
#include "canvas.h"

#include <hotrun/hotrun.h>
#include <math.h>
#include <stdio.h>

#define ARMS  3
#define TWIST 0.35

struct spiral {
    double angle;
};

static char shade(double x, double y, double angle)
{
    double radius = sqrt(x * x + y * y);
    double wave = sin(ARMS * (atan2(y, x) + angle) + radius * TWIST);
    return wave > 0.5 ? '#' : wave > 0 ? '+' : wave > -0.5 ? '.' : ' ';
}

static void draw(double angle)
{
    struct canvas canvas;
    canvas_clear(&canvas);
    for (int y = 0; y < CANVAS_HEIGHT; y++) {
        for (int x = 0; x < CANVAS_WIDTH; x++) {
            canvas.rows[y][x] = shade(x - CANVAS_WIDTH / 2.0, 2 * (y - CANVAS_HEIGHT / 2.0), angle);
        }
    }
    canvas_print(&canvas, stdout);
}

static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    struct spiral *spiral = state;
    (void)host;
    spiral->angle += 0.02;
    if (now->index % 60 == 0) {
        printf("angle %.2f\n", spiral->angle);
        draw(spiral->angle);
    }
    return HOTRUN_OK;
}

HOTRUN_MODULE(struct spiral, .name = "spiral", .flags = HOTRUN_STATE_PLAIN, .step = step);
