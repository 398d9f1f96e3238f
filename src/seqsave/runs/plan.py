"""What driver and tasks of a run know of it: its fields, and the settings, names and places that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seqsave import manifest, naming, targets
from seqsave.runs.begin import may_adopt
from seqsave.settings import WriterConfig, check_settings
from seqsave.settings.facts import facts_of
from seqsave.settings.groups import REPLACING_NONE

if TYPE_CHECKING:
    from seqsave.manifest import Session
    from seqsave.naming import NamePattern
    from seqsave.naming.key import FrameKey
    from seqsave.runtime import retry
    from seqsave.settings.formats import Format
    from seqsave.targets import Target

__all__ = ["Plan"]


@dataclass(frozen=True, repr=False)
class Plan:
    """The fields of ``Run``, and what follows from them."""

    url: str
    id: str
    frames: tuple[range, ...] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    storage_options: Mapping[str, Any] | None = field(default=None, hash=False)
    pattern: NamePattern | None = None

    @property
    def expected(self) -> tuple[range, ...] | None:
        """Return the expected indices, as ascending ranges; None if neither total nor frames is given."""
        numbers = self.config.naming
        if self.frames is not None or numbers.total is None:
            return self.frames
        return manifest.declared(numbers.start, numbers.step, numbers.total)

    @cached_property
    def config(self) -> WriterConfig:
        """Return the settings, checked, with the storage options."""
        config = check_settings(**self.settings, storage_options=self.storage_options)
        return config if self.pattern is None else replace(config, pattern=self.pattern)

    @property
    def rule(self) -> naming.NameRule:
        """Return the names of the frames."""
        return self._form.rule

    @property
    def _form(self) -> Format:
        return self.config.formats[0]

    @property
    def _folder(self) -> str:
        return f"{self.rule.folder}/" if self.rule.folder else ""

    @property
    def _policy(self) -> retry.RetryPolicy:
        return self.config.delivery.policy

    @property
    def _writer_id(self) -> str:
        return f"{manifest.RUN_HEAD}{self.id}"

    @cached_property
    def target(self) -> Target:
        """Return the target of everything but the frames."""
        return targets.resolve(self.url, self.storage_options)

    def _session(self, target: Target) -> Session:
        return manifest.Session(
            target,
            replace(facts_of(self._form, self.config), planned=self.frames),
            replaces=self.config.delivery.if_exists not in REPLACING_NONE,
            policy=self._policy,
            run=self._writer_id,
        )

    def may_adopt(self, key: FrameKey) -> bool:
        """Return whether an existing frame with other bytes is from an earlier attempt of this run.

        Called only if frames of other runs must never be replaced. Raises TargetError, ManifestError, RunError.
        """
        return may_adopt(self.target, self.id, self.rule, key.numbers, self._policy)
