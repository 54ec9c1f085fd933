#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* Scores are equal to the bit only in plain arithmetic of 64 bits. */
#if DBL_MANT_DIG != 53 || INT_MAX < 0x7FFFFFFF
#error "double has fewer than 64 bits here, or int fewer than 32"
#endif
#if FLT_EVAL_METHOD != 0
#error "numbers are computed in more than 64 bits: on x86 add -msse2 -mfpmath=sse"
#endif
/* Nor may a product and a sum be rounded once, as machines with such an instruction can. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif
#ifdef __FAST_MATH__
#error "-ffast-math changes scores: leave it out"
#endif

MODEL_TYPES

enum { RULE_NUMBER_NOT_NULL, RULE_TEXT_NOT_NULL, RULE_WHOLE, RULE_BOOLEAN, RULE_RANGE,
       RULE_NUMBER_IN, RULE_NUMBER_NOT_IN, RULE_TEXT_IN, RULE_TEXT_NOT_IN, RULE_TEXT_STARTS,
       RULE_TEXT_ENDS, RULE_TEXT_LENGTH };
enum { LINK_IDENTITY, LINK_EXP, LINK_LOGISTIC, LINK_HALF_LOGISTIC, LINK_SOFTMAX };
enum { CALIBRATION_NONE, CALIBRATION_SIGMOID, CALIBRATION_ISOTONIC };

typedef struct {
    int kind, place, open_low, open_high;
    double low, high;
    int first, last; /* of rule_numbers or rule_texts */
} model_rule;
typedef struct {
    model_column column;
    model_rank mask, limit;
    model_child left, right;
} model_node;
