"""What a bundle is worth: alone, beside the champion, and on the path of a night."""
