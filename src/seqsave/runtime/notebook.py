"""Show progress in a notebook, by the displays of the kernel that runs this code. Nothing else is needed for that."""

from __future__ import annotations

import html
import sys
from importlib import import_module
from typing import Any

from seqsave.runtime.display import REFRESH_SECONDS, ProgressDisplay

__all__ = ["NotebookBar", "is_notebook"]


def is_notebook() -> bool:
    """Return whether a kernel of Jupyter runs this program. IPython on a terminal is none. Imports nothing."""
    module = sys.modules.get("IPython")
    try:
        shell = module.get_ipython() if module is not None else None
    except Exception:  # noqa: BLE001 - a module of this name may be anything
        return False
    return getattr(shell, "kernel", None) is not None


class NotebookBar(ProgressDisplay):
    """A bar below the cell. Arguments as of ``ProgressDisplay``; it stays as it was last when it is closed."""

    def __init__(self, label: str = "", total: int | None = None) -> None:
        super().__init__(label, total)
        # Of the kernel that ``is_notebook`` found.
        self._handle: Any = import_module("IPython.display").display(self, display_id=True)
        self._start(REFRESH_SECONDS)

    def __repr__(self) -> str:
        return self.state.line()

    def _repr_html_(self) -> str:
        state = self.state
        # A bar without a value is one that moves, as of something whose end is not known.
        ends = f' value="{state.done}" max="{max(1, state.total)}"' if state.total is not None else ""
        value = "" if self._closed.is_set() and state.total is None else f"<progress{ends}></progress> "
        return f"<div>{value}{html.escape(state.line())}</div>"

    def _draw(self) -> None:
        if self._handle is not None:
            self._handle.update(self)

    def _stop(self) -> None:
        self._draw()
