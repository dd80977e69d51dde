/* The process that reads layouts: it answers link/reading.h. */
#ifndef INSPECT_LAYOUTS_H
#define INSPECT_LAYOUTS_H

/* Answers on READING_CHANNEL, one request after the other, until nobody asks any more. */
void layouts_serve(void);

#endif
