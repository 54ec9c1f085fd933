"""What a row and a table must look like, asked of pandas, Arrow and text."""
