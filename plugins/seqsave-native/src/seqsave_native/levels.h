/* Include the file BODY once for each level of instructions that this compiler makes. In it, NAME(x) is the name of x for
   the level, VECTOR says whether the instructions of SSE4.1 may be used, and WIDE the same for AVX2. Behind it, LEVELS(x) are
   the initial values of an array that has x of every level. */
#include "processor.h"

#if SEQSAVE_X86
#include <immintrin.h>
#endif

#define NAME(name) name##_portable
#define VECTOR 0
#define WIDE 0
#include BODY
#undef NAME
#undef VECTOR

#if SEQSAVE_X86

#define VECTOR 1
#define NAME(name) name##_sse41
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("sse4.1"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("sse4.1")
#endif
#include BODY
#if defined(__clang__)
#pragma clang attribute pop
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif
#undef NAME

#if defined(__clang__) || defined(__GNUC__)

#define NAME(name) name##_avx2
#undef WIDE
#define WIDE 1
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2")
#endif
#include BODY
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#undef NAME
#define LEVELS(name) {name##_portable, name##_sse41, name##_avx2}

#else /* SSE4.1 needs no leave, and AVX2 is an option for whole files */

#define LEVELS(name) {name##_portable, name##_sse41, name##_sse41}

#endif
#undef VECTOR

#else

#define LEVELS(name) {name##_portable, name##_portable, name##_portable}

#endif
#undef WIDE
#undef BODY
