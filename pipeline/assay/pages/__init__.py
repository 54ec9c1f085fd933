"""Page rendering: HTML frame, templates and SVG charts."""
