"""Finished sequences: find, read, verify, repair and preview them."""
