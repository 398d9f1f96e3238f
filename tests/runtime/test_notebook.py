"""The bar in a notebook. tests/look/test_browser_notebook.py runs a real one; here a stand-in takes the displays."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from seqsave.runtime.notebook import NotebookBar, is_notebook
from seqsave.runtime.progress import ProgressBar, open_progress
from seqsave.types import Event


class Displays(list[str]):
    """What was displayed, and each update of it."""

    def update(self, thing: Any) -> None:
        self.append(thing._repr_html_())


@pytest.fixture
def displays(monkeypatch: pytest.MonkeyPatch) -> Displays:
    """A kernel of Jupyter: what seqsave uses of it."""
    found = Displays()
    module, display = ModuleType("IPython"), ModuleType("IPython.display")
    module.get_ipython = lambda: SimpleNamespace(kernel=object())  # type: ignore[attr-defined]

    def shown(thing: Any, *, display_id: bool) -> Displays:
        assert display_id
        found.update(thing)
        return found

    display.display = shown  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return found


@pytest.mark.parametrize(
    ("shell", "expected"), [(SimpleNamespace(kernel=1), True), (SimpleNamespace(), False), (None, False)]
)
def test_a_notebook_has_a_kernel(monkeypatch: pytest.MonkeyPatch, shell: Any, expected: bool) -> None:
    module = ModuleType("IPython")
    module.get_ipython = lambda: shell  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", module)
    assert is_notebook() == expected


@pytest.mark.parametrize("module", [None, ModuleType("IPython")])
def test_a_program_is_no_notebook(monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
    monkeypatch.setitem(sys.modules, "IPython", module)
    assert not is_notebook()
    assert open_progress("frame") is None


def test_the_bar_shows_frames_and_ends_as_it_was_last(displays: Displays) -> None:
    bar = open_progress("<b>shot</b>", 4)
    assert isinstance(bar, NotebookBar)
    with bar:
        bar(Event(kind="saved", done=3, bytes_done=3000, total=4, seconds=1.0))
    assert displays[0].startswith('<div><progress value="0" max="4"></progress> ')
    assert displays[-1].startswith('<div><progress value="3" max="4"></progress> &lt;b&gt;shot&lt;/b&gt;: 3/4 frames')
    assert repr(bar).startswith("<b>shot</b>: 3/4 frames")


def test_a_bar_without_a_total_moves_until_it_is_closed(displays: Displays) -> None:
    with NotebookBar("shot") as bar:
        bar(Event(kind="saved", done=3))
        assert "<progress></progress>" in bar._repr_html_()
    assert "<progress" not in displays[-1]
    assert "3 frames" in displays[-1]


def test_a_stream_that_is_asked_for_gets_its_own_bar(displays: Displays, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqsave.runtime.progress.is_terminal", lambda _: True)
    bar = open_progress("shot", stream=sys.stderr)
    assert isinstance(bar, ProgressBar)
    bar.close()
    assert displays == []
