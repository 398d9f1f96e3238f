"""Show in ComfyUI's error dialog where the documentation explains an error: it shows no more than the message."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from seqsave import SeqSaveError

__all__ = ["helped", "with_help"]


def helped(node: Any) -> Any:
    """Return the node's class, whose errors end with the address of the section that helps, where there is one."""
    name: str = node.FUNCTION
    setattr(node, name, _helped(getattr(node, name)))
    return node


def _helped(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*arguments: Any, **inputs: Any) -> Any:
        try:
            return function(*arguments, **inputs)
        except SeqSaveError as error:
            text = with_help(error)
            # All of the message, as what else its text consists of would follow the address.
            error.args, error.frame, error.aftermath = (text, *error.args[1:]), None, ""
            raise

    return call


def with_help(error: SeqSaveError, advice: str = "") -> str:
    """Return the message of an error, with the address of the section that helps on a line of its own.

    advice: a sentence that follows the message.
    """
    text, address = str(error), error.help_url
    shown = f"{text}. {advice}" if advice else text
    return f"{shown}\nHelp: {address}" if address and address not in text else shown
