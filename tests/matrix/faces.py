"""The reports of all commands about a place, and their contradictions to the judge's findings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.cli.runner import Result, options, seqsave
from tests.matrix.judge import Truth, numbers_of
from tests.matrix.rows import Outcome

__all__ = ["COLUMNS", "Faces"]

COLUMNS = ("found by the judge", "`ls`", "`verify --deep`", "`manifest`", "exit status", "result", "judged")


@dataclass(frozen=True)
class Faces:
    """The report of each command after an outcome, and the truth."""

    outcome: Outcome
    truth: Truth
    ls: Result
    verify: Result
    manifest: Result

    @classmethod
    def after(cls, outcome: Outcome) -> Faces:
        place = outcome.place
        stated = [
            seqsave(*words, place.url, *options(place), status=None)
            for words in (("ls", "--json"), ("verify", "--deep", "--json"), ("manifest",))
        ]
        return cls(outcome, Truth.at(place), *stated)

    # --- what is true ---

    @property
    def fresh(self) -> set[int]:
        """Return the wanted frames that the last run, or one that it resumed, has drawn."""
        return self.truth.of_run(self.outcome.drawn_by) & set(range(self.outcome.total))

    @property
    def lacking(self) -> set[int]:
        return set(range(self.outcome.total)) - self.fresh

    @property
    def older(self) -> set[int]:
        return set(self.truth.drawn) - self.fresh

    @property
    def sizes(self) -> set[tuple[int, int]]:
        return {self.truth.drawn[index][1] for index in self.fresh}

    # --- reports ---

    def contradictions(self) -> Iterator[str]:
        """Yield each statement of a face that is not so."""
        yield from self.truth.lies_of_the_manifest()
        if self.truth.damaged or self.truth.strange:
            yield f"left behind: {self.truth.damaged} {self.truth.strange}"
        if self.outcome.status != self.outcome.wanted:
            yield f"exit status {self.outcome.status}, {self.outcome.wanted} is documented"
        yield from self._of_result()
        if not self.truth.drawn:
            stated = {face: result.status for face, result in (("ls", self.ls), ("verify", self.verify))}
            yield from (f"{face} does not miss the sequence" for face, status in stated.items() if status != 1)
            return
        yield from self._of_ls()
        yield from self._of_verify()
        yield from self._of_manifest()

    def _of_result(self) -> Iterator[str]:
        document = self.outcome.document
        if document is None:
            return
        saved = numbers_of(document["indices"])
        failed = {failure["index"] for failure in document["failures"]}
        if saved != self.fresh:
            yield f"the result has the frames {sorted(saved)}, the storage {sorted(self.fresh)}"
        if failed & self.fresh:
            yield f"the result calls {sorted(failed & self.fresh)} not saved"
        warned = " ".join(document["warnings"])
        if self.older and _ranges(self.older) not in warned:
            yield "the result does not name the older frames"
        if len(self.sizes) > 1 and "several sizes" not in warned:
            yield "the result does not name the sizes"

    def _of_ls(self) -> Iterator[str]:
        (listed,) = self.ls.document["sequences"]
        is_whole = not (self.lacking or self.older)
        if (self.ls.status == 0) != is_whole or listed["complete"] != is_whole:
            yield f"ls ends with {self.ls.status} and calls it complete: {listed['complete']}"
        if numbers_of(listed["progress"]["render_again"]) != self.lacking:
            yield f"ls would render {listed['progress']['render_again']} again"
        if {_sized(size) for size in listed["progress"]["sizes"]} not in (self.sizes, set()):
            yield f"ls knows of the sizes {listed['progress']['sizes']}"
        if numbers_of(listed["indices"]) != set(self.truth.drawn):
            yield f"ls lists {listed['indices']}"

    def _of_verify(self) -> Iterator[str]:
        document = self.verify.document
        is_whole = not (self.lacking or self.older) and len(self.sizes) == 1
        if (self.verify.status == 0) != is_whole or document["ok"] != is_whole:
            yield f"verify ends with {self.verify.status}"
        again = numbers_of(document["render_again"])
        if again != self.lacking and not (len(self.sizes) > 1 and again < self.fresh):
            yield f"verify would render {sorted(again)} again"
        if document["decoded"] != len(self.truth.drawn):
            yield f"verify has decoded {document['decoded']}"

    def _of_manifest(self) -> Iterator[str]:
        document = json.loads(self.manifest.out)
        if document != self.truth.manifest:
            yield "the manifest is printed otherwise than it is"
        if document["complete"] and self.lacking:
            yield f"the manifest is complete without {sorted(self.lacking)}"
        if not document["complete"] and not (self.lacking or self.older):
            yield "the manifest is not complete, and all frames are there"

    # --- as a row of the page ---

    def cells(self) -> list[str]:
        """Return the cells of ``COLUMNS``."""
        wrong = list(self.contradictions())
        return [
            self._found(),
            self._ls(),
            self._verify(),
            self._manifest(),
            "" if self.outcome.status is None else str(self.outcome.status),
            self._result(),
            "; ".join(wrong) if wrong else "agrees",
        ]

    def _found(self) -> str:
        parts = [f"{_ranges(self.fresh)} sound" if self.fresh else "nothing"]
        parts += [f"{_ranges(self.older)} of an older run"] if self.older else []
        parts += [f"{len(self.sizes)} sizes"] if len(self.sizes) > 1 else []
        return ", ".join(parts)

    def _ls(self) -> str:
        if not self.truth.drawn:
            return "no sequence (1)"
        (listed,) = self.ls.document["sequences"]
        sizes = listed["progress"]["sizes"]
        more = f", sizes {', '.join(sizes)}" if len(sizes) > 1 else ""
        return f"{_state(listed['progress'])}{more} ({self.ls.status})"

    def _verify(self) -> str:
        if not self.truth.drawn:
            return "no sequence (1)"
        document: dict[str, Any] = self.verify.document
        kinds = sorted({finding["kind"] for finding in document["findings"]} - {"missing"})
        more = f", {', '.join(kinds)}" if kinds else ""
        again = f", render {document['render_again']} again" if document["render_again"] else ""
        return f"{_state(document['progress'])}{more}{again} ({self.verify.status})"

    def _manifest(self) -> str:
        if not self.manifest.out:
            return f"none ({self.manifest.status})"
        document = json.loads(self.manifest.out)
        state = "complete" if document["complete"] else "not complete"
        return f"{state}, {len(document['frames'])} recorded ({self.manifest.status})"

    def _result(self) -> str:
        document = self.outcome.document
        if document is None:
            return ""
        failed = {failure["index"] for failure in document["failures"]}
        parts = [f"{document['indices'] and _ranges(numbers_of(document['indices']))} saved"]
        parts += [f"{_ranges(failed)} not saved"] if failed else []
        parts += [f"warns of {_ranges(self.older)}"] if self.older else []
        parts += ["warns of the sizes"] if "several sizes" in " ".join(document["warnings"]) else []
        return ", ".join(parts)


def _state(progress: dict[str, Any]) -> str:
    if progress["state"] == "unfinished":
        return f"unfinished, {progress['done']} of {progress['wanted']}"
    return (
        f"{progress['state']}: {progress['beside'] or progress['strangers']}"
        if progress["state"] == "mixed"
        else str(progress["state"])
    )


def _sized(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


def _ranges(numbers: set[int]) -> str:
    """``0-4,7``."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)
