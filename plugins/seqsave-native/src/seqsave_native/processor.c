#include "processor.h"

#if SEQSAVE_X86 && defined(_MSC_VER) && !defined(__clang__)
#include <immintrin.h>
#include <intrin.h>
#endif

static int current = -1;

static enum seqsave_level find(void)
{
#if SEQSAVE_X86
#if defined(_MSC_VER) && !defined(__clang__)
    int one[4], seven[4];
    __cpuid(one, 0);
    int most = one[0];
    __cpuid(one, 1);
    /* AVX needs an operating system that keeps the wide registers: OSXSAVE, and bits 1 and 2 of XCR0. */
    int keeps = (one[2] >> 27 & 1) && (_xgetbv(0) & 6) == 6;
    if (most >= 7 && keeps) {
        __cpuidex(seven, 7, 0);
        if ((seven[1] >> 5 & 1) && (seven[1] >> 8 & 1))
            return SEQSAVE_AVX2;
    }
    if (one[2] >> 19 & 1)
        return SEQSAVE_SSE41;
#else
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
        return SEQSAVE_AVX2;
    if (__builtin_cpu_supports("sse4.1"))
        return SEQSAVE_SSE41;
#endif
#endif
    return SEQSAVE_PORTABLE;
}

enum seqsave_level seqsave_best_level(void)
{
    static int best = -1;
    if (best < 0)
        best = find();
    return (enum seqsave_level)best;
}

enum seqsave_level seqsave_level(void)
{
    return current < 0 ? seqsave_best_level() : (enum seqsave_level)current;
}

int seqsave_set_level(enum seqsave_level level)
{
    if ((int)level < 0 || level > seqsave_best_level())
        return -1;
    current = level;
    return 0;
}

const char *seqsave_level_name(enum seqsave_level level)
{
    static const char *const names[] = {"portable", "sse4.1", "avx2"};
    return names[level];
}
