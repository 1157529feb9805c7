/* SPDX-License-Identifier: MIT */
/* The one look at the processor. */
#include "core/cpu.h"

#include <cnn/context.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#include <immintrin.h>
#endif

const char *const cnn__cpu_level_names[] = {"baseline", "avx2", "avx512", NULL};

#if defined(__x86_64__) || defined(__i386__)

/* Bits of cpuid's answers, as in Intel's and AMD's manuals. */
#define LEAF1_ECX_FMA (1u << 12)
#define LEAF1_ECX_OSXSAVE (1u << 27)
#define LEAF1_ECX_AVX (1u << 28)
#define LEAF7_EBX_AVX2 (1u << 5)
#define LEAF7_EBX_AVX512 ((1u << 16) | (1u << 17) | (1u << 30) | (1u << 31)) /* F, DQ, BW, VL */

/* Registers that the operating system saves: XMM and YMM; those and opmasks, upper halves of ZMM, ZMM16 to 31. */
#define XCR0_YMM 0x06u
#define XCR0_ZMM 0xe6u

/* Only called once cpuid says that the instruction is there. */
__attribute__((target("xsave"))) static unsigned saved_registers(void) { return (unsigned)_xgetbv(0); }

static cnn__cpu_level processor_level(void)
{
    const unsigned needed = LEAF1_ECX_FMA | LEAF1_ECX_OSXSAVE | LEAF1_ECX_AVX;
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || (ecx & needed) != needed) {
        return CNN__CPU_BASELINE;
    }
    unsigned saved = saved_registers();
    if ((saved & XCR0_YMM) != XCR0_YMM || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) ||
        (ebx & LEAF7_EBX_AVX2) == 0) {
        return CNN__CPU_BASELINE;
    }
    bool wide = (ebx & LEAF7_EBX_AVX512) == LEAF7_EBX_AVX512 && (saved & XCR0_ZMM) == XCR0_ZMM;
    return wide ? CNN__CPU_AVX512 : CNN__CPU_AVX2;
}

#else

static cnn__cpu_level processor_level(void) { return CNN__CPU_BASELINE; }

#endif

bool cnn__cpu_detect(cnn__cpu_level *level)
{
    const char *mask = getenv("CNN_CPU");
    *level = processor_level();
    if (mask == NULL || mask[0] == '\0') {
        return true;
    }
    for (int i = 0; i < CNN__CPU_LEVELS; i++) {
        if (strcmp(mask, cnn__cpu_level_names[i]) == 0) {
            *level = (cnn__cpu_level)i < *level ? (cnn__cpu_level)i : *level;
            return true;
        }
    }
    return false;
}

const char *cnn_cpu_level(void)
{
    cnn__cpu_level level;
    (void)cnn__cpu_detect(&level);
    return cnn__cpu_level_names[level];
}
