/* The type AtOnce. */

#ifndef APP_MONO_AT_ONCE_H
#define APP_MONO_AT_ONCE_H

#include "_line.h"

int add_at_once(PyObject *module);

#endif
