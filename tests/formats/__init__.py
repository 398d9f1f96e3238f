"""What each file type keeps, seen by programs that others wrote: the table of docs/formats.md, from runs."""
