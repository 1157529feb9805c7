/* SPDX-License-Identifier: MIT */
/* The only place where the floating-point mode is changed: control registers, by what compilers know of them. */
#include "core/float_mode.h"

#if defined(__SSE__)

#include <xmmintrin.h>

#define MASK_ALL 0x1f80u      /* no exception traps */
#define FLUSH_TO_ZERO 0x8000u /* subnormal results are 0 */
#define INPUTS_ARE_ZERO 0x40u /* subnormal operands are 0 */

cnn__float_mode cnn__float_mode_get(void) { return _mm_getcsr(); }

void cnn__float_mode_set(cnn__float_mode mode) { _mm_setcsr((unsigned)mode); }

cnn__float_mode cnn__float_mode_enter(void)
{
    const unsigned before = _mm_getcsr();
    _mm_setcsr(MASK_ALL | FLUSH_TO_ZERO | INPUTS_ARE_ZERO);
    return before;
}

#else

/* Other processors: the mode stays as it is. */
cnn__float_mode cnn__float_mode_get(void) { return 0; }

void cnn__float_mode_set(cnn__float_mode mode) { (void)mode; }

cnn__float_mode cnn__float_mode_enter(void) { return 0; }

#endif
