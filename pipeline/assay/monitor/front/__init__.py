"""The front page: an overview of the last nights in one self-contained HTML file."""
