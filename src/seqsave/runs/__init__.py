"""One sequence, many tasks: begun and committed by a driver, its frames written by parts on any machine.

Parts only send frames. Their records are put into the manifest by one commit, which looks at the storage first.
"""

from seqsave import _lazy

_HOMES = {
    "farm": "FarmTask commit_run",
    "part": "Part",
    "records": "FrameRecord",
    "run": "Run open_run",
}
__getattr__, __dir__, __all__ = _lazy.attach(__name__, _HOMES)
