"""How everything looks: the frame of a page, charts, the terminal."""
