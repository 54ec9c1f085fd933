"""Text as people read it: numbers, untrusted cells, Markdown."""
