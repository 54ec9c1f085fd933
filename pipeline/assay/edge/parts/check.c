/* Scores the rows that assay export-model compares; no part of the export.
 *
 * Reads for each text the number of its values and each as length and bytes, then the number of
 * rows, and each row as its numbers and the places of its texts, -1 for none. Writes what
 * model_check and model_predict return, the raw outputs and the scores. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "model.h"

static void need(void *into, size_t size)
{
    if (size > 0 && fread(into, size, 1, stdin) != 1)
        exit(3);
}

static void *get(size_t size)
{
    void *found = malloc(size > 0 ? size : 1);
    if (found == NULL)
        exit(4);
    return found;
}

int main(void)
{
    static char **values[MODEL_TEXTS > 0 ? MODEL_TEXTS : 1];
    static model_row row;
    static model_result result;
    int32_t count, length, i, answers[2];
    int64_t rows;

    for (int text = 0; text < MODEL_TEXTS; text++) {
        need(&count, sizeof count);
        values[text] = get((size_t)count * sizeof(char *));
        for (i = 0; i < count; i++) {
            need(&length, sizeof length);
            values[text][i] = get((size_t)length + 1);
            need(values[text][i], (size_t)length);
            values[text][i][length] = '\0';
        }
    }
    need(&rows, sizeof rows);
    for (; rows > 0; rows--) {
        need(row.numbers, MODEL_NUMBERS * sizeof(double));
        for (int text = 0; text < MODEL_TEXTS; text++) {
            need(&i, sizeof i);
            row.texts[text] = i < 0 ? NULL : values[text][i];
        }
        answers[0] = model_check(&row);
        answers[1] = model_predict(&row, &result);
        if (fwrite(answers, sizeof answers, 1, stdout) != 1
            || fwrite(result.raw, sizeof result.raw, 1, stdout) != 1
            || fwrite(result.scores, sizeof result.scores, 1, stdout) != 1)
            return 5;
    }
    return fflush(stdout) == 0 ? 0 : 6;
}
