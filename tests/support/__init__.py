"""What several tests share: real servers, faults, real pictures, and honest skips. None of it uses seqsave."""
