"""Threads, retries, processes and progress. Only this package starts threads."""
