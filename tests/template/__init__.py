"""From an empty folder to a frame in a bucket, as docs/plugins.md says it."""
