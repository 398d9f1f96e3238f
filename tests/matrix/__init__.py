"""What every face says of a sequence, after each way in which a run can end, beside what is really in the storage."""
