"""The message of an error leads to the section that explains it, since ComfyUI's dialog shows nothing else."""

from __future__ import annotations

import inspect

import pytest
from comfyui_seqsave import NODE_CLASS_MAPPINGS
from comfyui_seqsave.helped import helped, with_help

from seqsave import SaveError, TargetError


class Node:
    FUNCTION = "run"

    def run(self, error: Exception) -> None:
        """Fail."""
        raise error


def message(error: Exception) -> str:
    with pytest.raises(type(error)) as caught:
        helped(type("Other", (Node,), {}))().run(error)
    return str(caught.value)


def test_the_address_stands_at_the_end_once() -> None:
    error = SaveError("1 frame not saved")
    error.frame, error.aftermath = 7, "6 saved"
    shown = message(error)
    assert shown == f"frame 7: 1 frame not saved (6 saved)\nHelp: {error.help_url}"
    assert message(error) == shown
    assert error.help_url.startswith("https://")


def test_other_errors_stay_as_they_are() -> None:
    assert message(TargetError("no bucket")) == "no bucket"
    assert message(ValueError("not ours")) == "not ours"


def test_advice_stands_before_the_address() -> None:
    error = SaveError("1 frame not saved")
    assert with_help(error, "Run it again") == f"1 frame not saved. Run it again\nHelp: {error.help_url}"


@pytest.mark.parametrize("node", NODE_CLASS_MAPPINGS.values())
def test_every_node_is_helped_and_keeps_its_signature(node: type) -> None:
    function = getattr(node, node.FUNCTION)
    assert function.__wrapped__
    assert "self" in inspect.signature(function).parameters
