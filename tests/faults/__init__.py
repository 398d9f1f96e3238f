"""Real faults, and an independent judge of the frames afterwards.

``python -m tests.faults`` tries them all and writes the table of docs/faults.md; ``pytest -m faults tests/faults``
tries the same ones and fails where a frame is lost, damaged or reported falsely. ``--share 0.05`` is for a quick look.
"""
