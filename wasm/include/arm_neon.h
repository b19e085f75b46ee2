/* Stands in for the compiler's <arm_neon.h> in Wasm builds: NEON intrinsics by way of SIMDe, the
 * ones for which SIMDe has no Wasm code by way of neon_wasm.h. */
#ifndef KT_ARM_NEON_H
#define KT_ARM_NEON_H
#define SIMDE_ENABLE_NATIVE_ALIASES 1
#define SIMDE_ARM_NEON_A32V7_ENABLE_NATIVE_ALIASES
#define SIMDE_ARM_NEON_A64V8_ENABLE_NATIVE_ALIASES
#include "simde/arm/neon.h"

#include "neon_wasm.h"
#endif
