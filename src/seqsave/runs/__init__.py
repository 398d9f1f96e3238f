"""Runs: many tasks write one sequence. A driver begins and commits a run; parts on any machine write its frames.

Parts only send frames. One commit records them in the manifest, after it has listed the storage.
"""

from seqsave import _lazy

_HOMES = {
    "farm": "FarmTask abandon_run commit_run",
    "part": "Part",
    "records": "FrameRecord",
    "run": "Run open_run",
}
__getattr__, __dir__, __all__ = _lazy.attach(__name__, _HOMES)
