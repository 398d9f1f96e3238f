"""Measure with independent programs what each file type keeps, for the table of docs/formats.md."""
