"""A storage that fails when its filesystem is made, before any request for a file."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from typing import Any

import fsspec
import fsspec.asyn
import numpy as np
import pytest

import seqsave
from seqsave import targets
from seqsave.errors import TargetError

SECRET = "SECRETtokenvalue99"


class _SignsInFirst(fsspec.asyn.AsyncFileSystem):  # type: ignore[misc]  # untyped
    """As gcsfs does: it asks a server about the token when it is made, and repeats it in the error."""

    protocol = "signsin"

    def __init__(self, token: str, **more: Any) -> None:
        super().__init__(**more)
        raise ConnectionError(f"Max retries exceeded with url: /tokeninfo?access_token={token}")


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    fsspec.register_implementation("signsin", _SignsInFirst, clobber=True)
    yield
    sys.modules["fsspec.registry"]._registry.pop("signsin", None)


def test_the_error_is_of_seqsave_and_holds_no_secret() -> None:
    options = {"token": SECRET}
    target = targets.resolve("signsin://place/shot", options)
    policy = seqsave.RetryPolicy(attempts=1)
    frames = np.zeros((2, 4, 4, 3), "uint8")
    for fails in (
        lambda: target.loop,
        lambda: target.read("file"),
        lambda: target.list(),
        lambda: seqsave.save(frames, "signsin://place/shot", storage_options=options, filetype="png", retry=policy),
        lambda: seqsave.open_sequence("signsin://place/shot", storage_options=options),
    ):
        with pytest.raises((TargetError, seqsave.SaveError)) as caught:
            fails()
        assert SECRET not in "".join(traceback.format_exception(caught.value))
