static void count_number(model_counts *counts, int i, double value)
{
    const int first = edge_start[i];
    int low = first, high = edge_start[i + 1], cell;

    if (value != value) {
        counts->nulls[i]++;
        return;
    }
    while (low < high) { /* how many edges are at or below the value */
        const int middle = low + (high - low) / 2;
        if (edge[middle] <= value)
            low = middle + 1;
        else
            high = middle;
    }
    cell = low + i; /* each column before has one cell more than edges */
    counts->cells[cell]++;
    if (!(fabs(value) <= DBL_MAX))
        return;
    counts->sums[cell] += value;
    counts->squares[i] += value * value;
    if (counts->finite[i] == 0 || value < counts->low[i])
        counts->low[i] = value;
    if (counts->finite[i] == 0 || value > counts->high[i])
        counts->high[i] = value;
    counts->finite[i]++;
}

static void count_text(model_counts *counts, int i, const char *text)
{
    const int first = known_start[i];
    int low = first, high = known_start[i + 1];
    uint32_t *cells = counts->cells + MODEL_NUMBER_CELLS + first + i;

    if (text == NULL) {
        counts->nulls[MODEL_COUNTED_NUMBERS + i]++;
        return;
    }
    while (low < high) {
        const int middle = low + (high - low) / 2;
        const int order = strcmp(known[middle], text);
        if (order == 0) {
            cells[known_cell[middle]]++;
            return;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    cells[known_start[i + 1] - first]++;
}

int model_count(model_counts *counts, const model_row *row, const model_result *result, int status)
{
    const double *scores = result->scores;
    int i, best = 0;

    if (counts->rows == UINT32_MAX || status > MODEL_CHECKS || status < MODEL_NO_SCORE)
        return -1;
    counts->rows++;
    if (status > 0) {
        counts->broken[status - 1]++;
        return 0;
    }
    counts->unscored += status < 0;
    for (i = 1; i < MODEL_SCORES; i++)
        if (scores[i] > scores[best])
            best = i;
    for (i = 0; i < MODEL_COUNTED_NUMBERS; i++)
        count_number(counts, i, number_place[i] < 0 ? scores[best] : row->numbers[number_place[i]]);
    for (i = 0; i < MODEL_COUNTED - MODEL_COUNTED_NUMBERS; i++)
        if (text_place[i] >= 0)
            count_text(counts, i, row->texts[text_place[i]]);
        else
            count_text(counts, i, status < 0 ? NULL : model_classes[best]);
    return 0;
}

/* ------------------------------------------------------------------ sending them */

typedef struct {
    model_send send;
    void *to;
    uint32_t crc;
    int failed;
    size_t held;
    char text[64];
} writer;

static void flush(writer *into)
{
    if (into->failed == 0 && into->held > 0)
        into->failed = into->send(into->to, into->text, into->held);
    into->held = 0;
}

static void put(writer *into, const char *text)
{
    int bit;
    for (; *text != '\0'; text++) {
        if (into->held == sizeof into->text)
            flush(into);
        into->text[into->held++] = *text;
        into->crc ^= (unsigned char)*text; /* the CRC-32 of zip and of PNG */
        for (bit = 0; bit < 8; bit++)
            into->crc = (into->crc >> 1) ^ (into->crc & 1 ? 0xEDB88320u : 0);
    }
}

static void put_hex(writer *into, const char *before, uint64_t number, int least)
{
    char text[17];
    int at = 16;
    text[at] = '\0';
    do {
        text[--at] = "0123456789abcdef"[number & 15];
        number >>= 4;
    } while (number > 0 || at > 16 - least);
    put(into, before);
    put(into, text + at);
}

static void put_double(writer *into, const char *before, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    put_hex(into, before, bits, 16);
}

static int is_named(const char *device)
{
    size_t i;
    for (i = 0; device[i] != '\0'; i++)
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", device[i])
            == NULL)
            return 0;
    return i > 0 && i <= 64;
}

static int is_day(const char *day)
{
    int i;
    for (i = 0; i < 10; i++)
        if (i == 4 || i == 7 ? day[i] != '-' : day[i] < '0' || day[i] > '9')
            return 0;
    return day[10] == '\0';
}

int model_counts_write(const model_counts *counts, const char *device, const char *day,
                       uint32_t sequence, model_send send, void *to)
{
    writer into = {NULL, NULL, 0xFFFFFFFFu, 0, 0, ""};
    int i, cell, end = 0;

    if (!is_named(device) || !is_day(day))
        return -1;
    into.send = send;
    into.to = to;
    put(&into, "assay-counts 1 " MODEL_VERSION " " MODEL_BUNDLE "\n");
    put(&into, device);
    put(&into, " ");
    put(&into, day);
    put_hex(&into, " ", sequence, 1);
    put_hex(&into, "\n", counts->rows, 1);
    put_hex(&into, " ", counts->unscored, 1);
    for (i = 0; i < MODEL_CHECKS; i++)
        put_hex(&into, " ", counts->broken[i], 1);
    for (i = cell = 0; i < MODEL_COUNTED_NUMBERS; i++) {
        put_hex(&into, "\nn ", counts->nulls[i], 1);
        put_hex(&into, " ", counts->finite[i], 1);
        put_double(&into, " ", counts->squares[i]);
        put_double(&into, " ", counts->low[i]);
        put_double(&into, " ", counts->high[i]);
        for (end = edge_start[i + 1] + i + 1; cell < end; cell++) {
            put_hex(&into, " ", counts->cells[cell], 1);
            if (counts->cells[cell] > 0)
                put_double(&into, ":", counts->sums[cell]);
        }
    }
    for (i = 0; i < MODEL_COUNTED - MODEL_COUNTED_NUMBERS; i++) {
        put_hex(&into, "\nt ", counts->nulls[MODEL_COUNTED_NUMBERS + i], 1);
        for (end = MODEL_NUMBER_CELLS + known_start[i + 1] + i + 1; cell < end; cell++)
            put_hex(&into, " ", counts->cells[cell], 1);
    }
    put(&into, "\n");
    put_hex(&into, "crc ", ~into.crc & 0xFFFFFFFFu, 8);
    put(&into, "\n");
    flush(&into);
    return into.failed;
}
