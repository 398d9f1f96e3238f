"""Pixels as arrays: shapes, dtypes, colour spaces, conversion and movies. No files are read or written here."""
