/* Which instructions the processor has. Every choice gives the same bytes. */
#ifndef SEQSAVE_PROCESSOR_H
#define SEQSAVE_PROCESSOR_H

#if defined(__x86_64__) || defined(_M_X64)
#define SEQSAVE_X86 1
#else
#define SEQSAVE_X86 0
#endif

enum seqsave_level { SEQSAVE_PORTABLE, SEQSAVE_SSE41, SEQSAVE_AVX2, SEQSAVE_LEVELS };

/* Return the best level of this processor, found once. */
enum seqsave_level seqsave_best_level(void);
/* The level in use: the best one, until another is set. Setting a level that the processor lacks returns -1. */
enum seqsave_level seqsave_level(void);
int seqsave_set_level(enum seqsave_level level);
const char *seqsave_level_name(enum seqsave_level level);

#endif
