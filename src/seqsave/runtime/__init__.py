"""Threads, retries, processes and progress: how work runs. The only owner of threads."""
