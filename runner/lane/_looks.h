/* The stamps of files, looked at in C: what runner/scripts/stamps.py describes. */

#ifndef APP_MONO_LOOKS_H
#define APP_MONO_LOOKS_H

#include "_line.h"

/* Adds the type Looks to the module; -1 with an exception set when it cannot. */
int add_looks(PyObject *module);

#endif
