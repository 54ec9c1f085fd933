
static int is_null(double value)
{
    return value != value;
}

/* ------------------------------------------------------------------ the contract */

static int is_listed(const model_rule *rule, double value, const char *text)
{
    int i;
    for (i = rule->first; i < rule->last; i++)
        if (text == NULL ? rule_numbers[i] == value : strcmp(rule_texts[i], text) == 0)
            return 1;
    return 0;
}

static int is_within(const model_rule *rule, double value)
{
    return (rule->open_low ? value > rule->low : value >= rule->low)
        && (rule->open_high ? value < rule->high : value <= rule->high);
}

static double characters(const char *text)
{
    double count = 0;
    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

static int holds(const model_rule *rule, const model_row *row)
{
    const int of_text = rule->kind == RULE_TEXT_NOT_NULL || rule->kind >= RULE_TEXT_IN;
    const double value = of_text ? 0.0 : row->numbers[rule->place];
    const char *text = of_text ? row->texts[rule->place] : NULL;
    const int null = of_text ? text == NULL : is_null(value);
    const char *part;
    size_t length;

    if (rule->kind == RULE_NUMBER_NOT_NULL || rule->kind == RULE_TEXT_NOT_NULL)
        return !null;
    if (null)
        return 1;
    switch (rule->kind) {
    case RULE_WHOLE:
        return is_within(rule, value) && floor(value) == value;
    case RULE_BOOLEAN:
        return value == 0.0 || value == 1.0;
    case RULE_RANGE:
        return is_within(rule, value);
    case RULE_NUMBER_IN:
    case RULE_TEXT_IN:
        return is_listed(rule, value, text);
    case RULE_NUMBER_NOT_IN:
    case RULE_TEXT_NOT_IN:
        return !is_listed(rule, value, text);
    case RULE_TEXT_LENGTH:
        return is_within(rule, characters(text));
    default:
        part = rule_texts[rule->first];
        length = strlen(part);
        if (strlen(text) < length)
            return 0;
        return strncmp(rule->kind == RULE_TEXT_STARTS ? text : text + strlen(text) - length, part,
                       length) == 0;
    }
}

int model_check(const model_row *row)
{
    int i;
    for (i = 0; i < MODEL_RULES; i++)
        if (!holds(&rule[i], row))
            return i + 1;
    return 0;
}

/* ------------------------------------------------------------------ what is compared */

static int state_of(const char *text, int feature)
{
    const int first = category_start[feature];
    const uint16_t *states = state + first + 2 * feature;
    int low = first, high = category_start[feature + 1];
    const int others = high - first;

    if (text == NULL)
        return states[others + 1];
    while (low < high) {
        const int middle = low + (high - low) / 2;
        const int order = strcmp(category[middle], text);
        if (order == 0)
            return states[middle - first];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return states[others];
}

static int is_refused(const double *numbers, const int *states)
{
    int i;
    for (i = 0; i < MODEL_NUMBERS; i++) {
        if (numbers[i] < least[i] || numbers[i] > greatest[i])
            return 1;
        if (null_refused[i] && is_null(numbers[i]))
            return 1;
    }
    for (i = 0; i < MODEL_TEXTS; i++)
        if (state_refused[state_refused_start[i] + states[i]])
            return 1;
    return 0;
}

static double encoded(double value, int i)
{
    if (scaled[i])
        value = ((is_null(value) ? fill[i] : value) - mean[i]) / scale[i];
    return MODEL_SINGLE_INPUT ? (double)(float)value : value;
}

/* ------------------------------------------------------------------ the model */

static void add_trees(const double *numbers, const int *states, double *raw)
{
    model_rank columns[MODEL_COLUMNS];
    int i, k;

    memset(columns, 0, sizeof columns);
    for (i = 0; i < MODEL_TERMS; i++) { /* how many thresholds lie below the value */
        const double value = encoded(numbers[place[i]], i);
        const int32_t first = threshold_start[i];
        int32_t low = first, high = threshold_start[i + 1];
        while (low < high) {
            const int32_t middle = low + (high - low) / 2;
            if (threshold[middle] < value)
                low = middle + 1;
            else
                high = middle;
        }
        if (nulls_low[i] >= 0)
            columns[nulls_low[i]] = (model_rank)(is_null(value) ? 0 : low - first);
        if (nulls_high[i] >= 0)
            columns[nulls_high[i]] = (model_rank)(is_null(value) ? MODEL_TOP : low - first);
    }
    for (i = 0; i < MODEL_LOOK_UPS; i++) {
        const int at = look_up_place[i];
        const int asked = look_up_null[i] ? is_null(numbers[at]) : states[at];
        columns[look_up_column[i]] = look_up[look_up_start[i] + asked];
    }
    for (i = 0; i < MODEL_TREES; i++) {
        const model_node *tree = node + tree_start[i];
        const double *leaf;
        int32_t at = tree_start[i] < tree_start[i + 1] ? 0 : -1;
        while (at >= 0) {
            const model_node *here = tree + at;
            at = (columns[here->column] & here->mask) > here->limit ? here->right : here->left;
        }
        leaf = leaf_value + (leaf_start[i] - 1 - at) * (int32_t)MODEL_WIDTH;
        for (k = 0; k < MODEL_WIDTH; k++) {
            double *sum = raw + tree_output[i] + k;
            *sum += leaf[k];
            if (MODEL_SINGLE_SUMS)
                *sum = (double)(float)*sum;
        }
    }
}

static void add_terms(const double *numbers, const int *states, double *raw)
{
    int i, k;
    for (i = 0; i < MODEL_TERMS; i++) {
        const double value = encoded(numbers[place[i]], i);
        const int null = is_null(numbers[place[i]]);
        for (k = 0; k < MODEL_OUTPUTS; k++) {
            const int at = i * MODEL_OUTPUTS + k;
            const double term = weight[at] * value;
            raw[k] = (raw[k] + term) + (null ? weight_null[at] : weight_known[at]);
        }
    }
    for (i = 0; i < MODEL_LOOK_UPS; i++) {
        const int32_t size = (look_up_start[i + 1] - look_up_start[i]) / MODEL_OUTPUTS;
        for (k = 0; k < MODEL_OUTPUTS; k++)
            raw[k] += term_value[look_up_start[i] + k * size + states[look_up_place[i]]];
    }
    for (k = 0; k < MODEL_OUTPUTS; k++)
        raw[k] += intercept[k];
}

/* ------------------------------------------------------------------ link and calibration */

/* expf as glibc since 2.28 computes it (Arm's optimized routines), by which XGBoost scores. */
static float exp_single(double value)
{
    double scaled_value, whole, rest, square, polynomial;
    int at;
    if (is_null(value))
        return (float)value;
    if (value > 0x1.62e42ep6)
        return INFINITY;
    if (value < -0x1.9fe368p6)
        return 0.0f;
    scaled_value = exp_scale[0] * value;
    whole = rint(scaled_value);
    at = (int)whole;
    rest = scaled_value - whole;
    square = rest * rest;
    polynomial = (exp_factor[0] * rest + exp_factor[1]) * square + (exp_factor[2] * rest + 1.0);
    return (float)(polynomial * ldexp(exp_power[((at % 32) + 32) % 32],
                                      (at - ((at % 32) + 32) % 32) / 32));
}

static double greatest_of(const double *values, int count)
{
    double most = values[0];
    int k;
    for (k = 1; k < count; k++)
        if (values[k] > most)
            most = values[k];
    return most;
}

static void link_single(const double *raw, double *linked)
{
    const double most = greatest_of(raw, MODEL_OUTPUTS);
    double total = 0.0;
    int k;
    for (k = 0; k < MODEL_OUTPUTS; k++) {
        const double least_loss = -raw[k] > (double)88.7f ? (double)88.7f : -raw[k];
        switch (MODEL_LINK) {
        case LINK_EXP:
            linked[k] = (double)exp_single(raw[k]);
            break;
        case LINK_LOGISTIC:
            linked[k] = (double)(1.0f / (exp_single(least_loss) + 1.0f));
            break;
        case LINK_SOFTMAX:
            linked[k] = (double)exp_single((double)(float)(raw[k] - most));
            total += linked[k];
            break;
        default:
            linked[k] = raw[k];
        }
    }
    for (k = 0; MODEL_LINK == LINK_SOFTMAX && k < MODEL_OUTPUTS; k++)
        linked[k] = (double)((float)linked[k] / (float)total);
}

static void link_double(const double *raw, double *linked)
{
    const double most = greatest_of(raw, MODEL_OUTPUTS);
    double total = 0.0;
    int k;
    for (k = 0; k < MODEL_OUTPUTS; k++) {
        switch (MODEL_LINK) {
        case LINK_EXP:
            linked[k] = exp(raw[k]);
            break;
        case LINK_LOGISTIC:
            linked[k] = 1.0 / (1.0 + exp(-raw[k]));
            break;
        case LINK_HALF_LOGISTIC:
            linked[k] = 1.0 / (1.0 + exp(-2.0 * raw[k]));
            break;
        case LINK_SOFTMAX:
            linked[k] = exp(raw[k] - most);
            total += linked[k];
            break;
        default:
            linked[k] = raw[k];
        }
    }
    for (k = 0; MODEL_LINK == LINK_SOFTMAX && k < MODEL_OUTPUTS; k++)
        linked[k] /= total;
}

static double calibrated(double score, int k)
{
    const int32_t first = knot_start[k];
    int32_t low = first, high = knot_start[k + 1];
    double slope;

    if (calibration[k] == CALIBRATION_SIGMOID) {
        const double kept = score < 1e-12 ? 1e-12 : score > 1 - 1e-12 ? 1 - 1e-12 : score;
        slope = sigmoid_slope[k];
        return 1.0 / (1.0 + exp(-(slope * log(kept / (1 - kept)) + sigmoid_intercept[k])));
    }
    if (calibration[k] == CALIBRATION_NONE)
        return score;
    if (score < knot[first])
        score = knot[first];
    if (score > knot[high - 1])
        score = knot[high - 1];
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        if (knot[middle] < score)
            low = middle + 1;
        else
            high = middle;
    }
    if (knot[low] == score)
        return knot_height[low];
    slope = (knot_height[low] - knot_height[low - 1]) / (knot[low] - knot[low - 1]);
    return slope * (score - knot[low - 1]) + knot_height[low - 1];
}

/* 0, or MODEL_NO_SCORE if scores are no finite number, or no probabilities. */
static int finish(const double *raw, double *scores)
{
    double parts[MODEL_OUTPUTS], linked[MODEL_OUTPUTS + 1];
    double total = 0.0;
    int k;

    for (k = 0; k < MODEL_OUTPUTS; k++)
        parts[k] = MODEL_DIVISOR > 1 ? raw[k] / MODEL_DIVISOR : raw[k];
    if (MODEL_SINGLE_LINK)
        link_single(parts, linked);
    else
        link_double(parts, linked);
    if (MODEL_SCORES > MODEL_OUTPUTS) { /* of two classes the second has an output */
        linked[1] = linked[0];
        linked[0] = 1 - linked[1];
        if (MODEL_SINGLE_LINK)
            linked[0] = (double)(float)linked[0];
    }
    for (k = 0; k < MODEL_SCORES; k++) {
        scores[k] = MODEL_CALIBRATED ? calibrated(linked[k], k) : linked[k];
        total += scores[k];
    }
    if (MODEL_CALIBRATED && MODEL_SCORES > 1) {
        const double whole = total;
        total = 0.0;
        for (k = 0; k < MODEL_SCORES; k++) {
            scores[k] = whole != 0.0 ? scores[k] / whole : 1.0 / MODEL_SCORES;
            total += scores[k];
        }
    }
    for (k = 0; k < MODEL_SCORES; k++)
        if (MODEL_PROBABILITY ? !(scores[k] >= 0.0 && scores[k] <= 1.0)
                              : !(fabs(scores[k]) <= DBL_MAX))
            return MODEL_NO_SCORE;
    return MODEL_SCORES > 1 && !(fabs(total - 1.0) <= MODEL_SUM_TOLERANCE) ? MODEL_NO_SCORE : 0;
}

int model_predict(const model_row *row, model_result *result)
{
    int states[MODEL_TEXTS > 0 ? MODEL_TEXTS : 1] = {0};
    int i, status;

    for (i = 0; i < MODEL_TEXTS; i++)
        states[i] = state_of(row->texts[i], i);
    for (i = 0; i < MODEL_OUTPUTS; i++)
        result->raw[i] = base[i];
    if (MODEL_TREES > 0)
        add_trees(row->numbers, states, result->raw);
    else if (MODEL_LINEAR)
        add_terms(row->numbers, states, result->raw);
    status = finish(result->raw, result->scores);
    if (is_refused(row->numbers, states))
        status = MODEL_NO_SCORE;
    for (i = 0; status != 0 && i < MODEL_SCORES; i++)
        result->scores[i] = NAN;
    return status;
}

int model_score(const model_row *row, model_result *result)
{
    int i;
    const int broken = model_check(row);
    if (broken == 0)
        return model_predict(row, result);
    for (i = 0; i < MODEL_SCORES; i++)
        result->scores[i] = NAN;
    for (i = 0; i < MODEL_OUTPUTS; i++)
        result->raw[i] = NAN;
    return broken;
}
