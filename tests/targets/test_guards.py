"""Methods of targets raise errors of seqsave alone, and none of them carries what a backend wrote into its own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from seqsave.errors import FrameExistsError, TargetError
from seqsave.targets.guards import guarded, guarded_async


class Place:
    def _translated(self, error: Exception, doing: str, args: Any, kwargs: Any) -> TargetError:
        return TargetError(f"cannot {doing} {args} {kwargs}: {type(error).__name__}")

    @guarded("read")
    def read(self, path: str, error: BaseException | None = None) -> str:
        """Documented."""
        if error is not None:
            raise error
        return path

    @guarded_async("write")
    async def write(self, path: str, *, error: BaseException | None = None) -> str:
        await asyncio.sleep(0)
        return self.read(path) if error is None else await self._fail(error)

    async def _fail(self, error: BaseException) -> str:
        raise error


def test_results_and_documentation_pass() -> None:
    assert Place().read("a") == asyncio.run(Place().write("a")) == "a"
    assert (Place.read.__doc__, Place.write.__name__) == ("Documented.", "write")


@pytest.mark.parametrize("is_async", [False, True])
def test_an_error_of_a_backend_is_translated_and_left_behind(is_async: bool) -> None:
    error = OSError("key AKIASECRET is not known")
    with pytest.raises(TargetError, match=r"OSError$") as caught:
        asyncio.run(Place().write("a", error=error)) if is_async else Place().read("a", error)
    assert "cannot write" in str(caught.value) if is_async else "cannot read" in str(caught.value)
    assert caught.value.__context__ is caught.value.__cause__ is None


@pytest.mark.parametrize("error", [FrameExistsError("there"), MemoryError(), KeyboardInterrupt()])
@pytest.mark.parametrize("is_async", [False, True])
def test_errors_of_seqsave_and_those_of_no_backend_pass_unchanged(error: BaseException, is_async: bool) -> None:
    with pytest.raises(type(error)) as caught:
        asyncio.run(Place().write("a", error=error)) if is_async else Place().read("a", error)
    assert caught.value is error
