"""How values are spelt in text: numbers, times, words for true, false and nothing."""
