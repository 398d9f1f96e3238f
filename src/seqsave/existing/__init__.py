"""Frames that existed at the destination before a run: which are kept, replaced, removed or compared with the new."""
