/* The type Exported. */

#ifndef APP_MONO_EXPORTED_H
#define APP_MONO_EXPORTED_H

#include "_line.h"

int add_exported(PyObject *module);

#endif
