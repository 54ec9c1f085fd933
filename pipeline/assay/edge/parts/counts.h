#ifndef MODEL_COUNTS_H
#define MODEL_COUNTS_H

#include <stddef.h>
#include <stdint.h>

#include "model.h"

MODEL_SIZES

#ifdef __cplusplus
extern "C" {
#endif

/* What a device counts of the rows that it scores. All zero, it has counted nothing:
 *     static model_counts counts;
 *     memset(&counts, 0, sizeof counts); */
typedef struct {
    uint32_t rows, unscored, broken[MODEL_CHECKS > 0 ? MODEL_CHECKS : 1];
    uint32_t nulls[MODEL_COUNTED], finite[MODEL_COUNTED_NUMBERS > 0 ? MODEL_COUNTED_NUMBERS : 1];
    uint32_t cells[MODEL_CELLS];
    double sums[MODEL_NUMBER_CELLS > 0 ? MODEL_NUMBER_CELLS : 1];
    double squares[MODEL_COUNTED_NUMBERS > 0 ? MODEL_COUNTED_NUMBERS : 1];
    double low[MODEL_COUNTED_NUMBERS > 0 ? MODEL_COUNTED_NUMBERS : 1];
    double high[MODEL_COUNTED_NUMBERS > 0 ? MODEL_COUNTED_NUMBERS : 1];
} model_counts;

/* Counts a row, its result, and what model_score returned. Returns 0; or -1, and counts nothing, if
 * 4294967295 rows are counted already, or model_score never returns such a number. */
int model_count(model_counts *counts, const model_row *row, const model_result *result, int status);

/* Sends some bytes of what model_counts_write writes; returns 0, or another number to stop. */
typedef int (*model_send)(void *to, const char *text, size_t length);

/* Writes the counts as text for assay devices collect, a few dozen bytes at a time. The device is
 * named by letters, digits and . _ - (at most 64), and the day is such as 2026-12-01. A day may be
 * sent in parts: set the counts to zero after each, and give the next another sequence; under the
 * same one it is the same part once more. Returns 0; -1 if the device or the day is no such text; or
 * what send returned. */
int model_counts_write(const model_counts *counts, const char *device, const char *day,
                       uint32_t sequence, model_send send, void *to);

#ifdef __cplusplus
}
#endif

#endif
