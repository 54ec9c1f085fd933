#ifdef __cplusplus
extern "C" {
#endif

/* One row. NAN and NULL stand for a missing value; texts are UTF-8. */
typedef struct {
    double numbers[MODEL_NUMBERS > 0 ? MODEL_NUMBERS : 1];
    const char *texts[MODEL_TEXTS > 0 ? MODEL_TEXTS : 1];
} model_row;

typedef struct {
    double scores[MODEL_SCORES]; /* NAN where there is no score */
    double raw[MODEL_OUTPUTS];   /* the sums that link and calibration make scores of */
} model_result;

/* Checks a row, then scores it. Returns 0; or above 0 the number of the first check of the contract
 * that it breaks (model_rules names it); or MODEL_NO_SCORE: the model has none for such values. */
int model_score(const model_row *row, model_result *result);

/* The two halves of it: 0 or the number of a check; and 0 or MODEL_NO_SCORE. */
int model_check(const model_row *row);
int model_predict(const model_row *row, model_result *result);

#define MODEL_NO_SCORE (-1)

extern const char *const model_rules[];   /* by number; the first one is "" */
extern const char *const model_classes[]; /* in the order of the scores of a multiclass model */

#ifdef __cplusplus
}
#endif

#endif
