/* Heap objects of modules: the extension "heap/1" of hotrun.h. */
#ifndef HOST_HEAP_SERVICE_H
#define HOST_HEAP_SERVICE_H

#include "hotrun/hotrun.h"

struct error;
struct generation;
struct heap;

extern const hotrun_heap heap_service;

/* The generation's heap, made when it is first asked for: beside its state's slot, or beside the
 * other one when another generation's lies there. NULL with `err`. */
struct heap *heap_service_of(struct generation *generation, struct error *err);

#endif
