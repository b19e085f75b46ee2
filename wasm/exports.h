/* What each bindings*.c begins with: the declarations of calls.h, and how a call is exported. */
#ifndef KEEPTAKE_WASM_EXPORTS_H
#define KEEPTAKE_WASM_EXPORTS_H

#include <emscripten.h>

#include "calls.h"

#define P(type, name) type name
#define KTW_DECLARE(result, name, ...) result ktw_##name(__VA_ARGS__);
KTW_CALLS(KTW_DECLARE)
#undef KTW_DECLARE
#undef P

#define EXPORT EMSCRIPTEN_KEEPALIVE

#endif
