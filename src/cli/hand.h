/* The commands that reach into what runs: rate, log, send, rewind. */
#ifndef CLI_HAND_H
#define CLI_HAND_H

#include "base/error.h"
#include "base/log.h"
#include "cli/options.h"

int hand_rate(const struct options *options, struct log *log, struct error *err);
int hand_log(const struct options *options, struct log *log, struct error *err);
int hand_send(const struct options *options, struct log *log, struct error *err);
int hand_rewind(const struct options *options, struct log *log, struct error *err);

#endif
