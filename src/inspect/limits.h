/* What a process that reads untrusted bytes may use up. */
#ifndef INSPECT_LIMITS_H
#define INSPECT_LIMITS_H

/* Bounds memory and core dumps; where memory runs out, this process ends first. Once. */
void limits_bind(void);

/* Debug info whose reading does not end within so many seconds of CPU time from here on is left by
 * dying: SIGXCPU. */
void limits_bind_time(unsigned seconds);

#endif
