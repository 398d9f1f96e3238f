"""The tests of seqsave; they mirror src/seqsave."""
