"""Load plugins guarded and lazily, resolve an encoder, list what is there and what failed.

Precedence: what ``register_encoder`` added, then the built-ins, then plugins. The built-ins resolve without looking
at any entry point, so saving PNG and JPEG never pays for, or breaks on, somebody's plugin.
"""

from __future__ import annotations

import importlib
import os
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from seqsave.encoders import BUILTIN_SPECS
from seqsave.errors import (
    EncoderConflictError,
    EncoderNotFoundError,
    EncoderUnavailableError,
    PluginError,
    SeqSaveWarning,
)
from seqsave.plugins.declarations import problems
from seqsave.runtime.threads import ForkSafeLock
from seqsave.types import EMBED_SUFFIX, Encoder, EncoderSpec
from seqsave.wording import did_you_mean

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

__all__ = [
    "FiletypeInfo",
    "PluginInfo",
    "Registry",
    "Resolved",
    "describe_filetypes",
    "filetypes",
    "plugin_report",
    "register_encoder",
    "resolve",
    "spec_for_extension",
    "spec_of",
    "unregister_encoder",
]

GROUP = "seqsave"
DEFAULT_FILETYPE = "png" + EMBED_SUFFIX
# Where to send somebody who asks for a format that a first-party plugin adds.
KNOWN_PLUGINS = {
    "avif": "seqsave-webp",
    "exr": "seqsave-exr",
    "jxl": "seqsave-jxl",
    "tif": "seqsave-tiff",
    "tiff": "seqsave-tiff",
    "webp": "seqsave-webp",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginInfo:
    """One installed plugin: its entry point's name, its distribution, and either its filetypes or why it failed."""

    name: str
    distribution: str
    version: str
    filetypes: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FiletypeInfo:
    """One filetype, with everything its encoder declares. ``origin`` is ``built-in``, ``registered`` or the
    distribution that brings it; ``conflict`` names the others that claim it.
    """

    filetype: str
    origin: str
    spec: EncoderSpec
    embeds_metadata: bool
    conflict: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolved:
    """A filetype that can be written: its declaration, whether it embeds metadata, and the encoder itself."""

    filetype: str
    spec: EncoderSpec
    embed: bool
    encoder: Encoder

    @property
    def extension(self) -> str:
        """The extension that is written, without a dot."""
        return self.spec.extensions[0]


@dataclass
class _Loaded:
    """What the entry points brought: all plugins, and who claims which filetype."""

    infos: list[PluginInfo] = field(default_factory=list)
    claims: dict[str, list[tuple[PluginInfo, EncoderSpec]]] = field(default_factory=dict)


class Registry:
    """Everything known about filetypes. ``entry_points`` are loaded at the first question that needs them."""

    def __init__(self, entry_points: Iterable[EntryPoint] | None = None) -> None:
        self._entry_points = entry_points
        self._registered: dict[str, EncoderSpec] = {}
        self._builtin = {spec.filetype: spec for spec in BUILTIN_SPECS}
        self._loaded: _Loaded | None = None
        self._encoders: dict[str, Encoder] = {}
        self._lock = ForkSafeLock()

    def register(self, spec: EncoderSpec, clobber: bool = False) -> None:
        """Add an encoder for this process; see ``register_encoder``."""
        _check_spec(spec, "register_encoder")
        with self._lock:
            taken = spec.filetype in self._registered or spec.filetype in self._builtin
            if taken and not clobber:
                raise EncoderConflictError(
                    f"there is an encoder for {spec.filetype!r} already; pass clobber=True to replace it"
                )
            self._registered[spec.filetype] = spec

    def unregister(self, filetype: str) -> None:
        """Take back what ``register`` added."""
        with self._lock:
            if self._registered.pop(filetype, None) is None:
                added = ", ".join(map(repr, self._registered)) or "nothing"
                raise EncoderNotFoundError(f"{filetype!r} was not registered in this process (registered: {added})")

    def resolve(self, filetype: str) -> Resolved:
        """The encoder for ``filetype``, imported now; see ``resolve`` below for the errors."""
        spec, embed = self.find(filetype)
        return Resolved(filetype, spec, embed, self._encoder(spec))

    def find(self, filetype: str) -> tuple[EncoderSpec, bool]:
        """The declaration for ``filetype`` and whether it embeds metadata, without importing the encoder."""
        if not isinstance(filetype, str):
            raise EncoderNotFoundError(f"filetype is {filetype!r}: it must be text such as {DEFAULT_FILETYPE!r}")
        base, embed = filetype.removesuffix(EMBED_SUFFIX), filetype.endswith(EMBED_SUFFIX)
        spec = self._registered.get(base) or self._builtin.get(base) or self._claimed(base)
        if spec is None:
            raise EncoderNotFoundError(self._not_found(filetype, base))
        if embed and spec.metadata != "embed":
            raise EncoderNotFoundError(f"{base!r} files cannot hold a workflow; use filetype {base!r}")
        return spec, embed

    def describe(self) -> tuple[FiletypeInfo, ...]:
        """Every filetype there is, the default one first, then built-ins, registered ones, plugins by name."""
        rows: dict[str, FiletypeInfo] = {}
        for spec in self._builtin.values():
            rows.update(_rows(spec, "built-in"))
        for spec in self._registered.values():
            rows.update(_rows(spec, "registered"))
        for filetype, claims in sorted(self.loaded().claims.items()):
            if filetype not in self._builtin and filetype not in self._registered:
                info, spec = claims[0]
                conflict = tuple(other.distribution for other, _ in claims) if len(claims) > 1 else ()
                rows.update(_rows(spec, info.distribution, conflict))
        default = rows.pop(DEFAULT_FILETYPE)
        return (default, *rows.values())

    def spec_for_extension(self, extension: str) -> EncoderSpec | None:
        """The declaration whose encoder reads files that end in ``extension``, or None."""
        wanted = extension.lower()
        for specs in (self._registered, self._builtin):
            for spec in specs.values():
                if wanted in spec.extensions:
                    return spec
        for _, claims in sorted(self.loaded().claims.items()):
            for _, spec in claims:
                if wanted in spec.extensions:
                    return spec
        return None

    def encoder_of(self, spec: EncoderSpec) -> Encoder:
        """The encoder that ``spec`` declares, imported once."""
        return self._encoder(spec)

    def loaded(self) -> _Loaded:
        """Load the entry points, once. In strict mode a broken plugin raises PluginError."""
        with self._lock:
            if self._loaded is None:
                found = _discover() if self._entry_points is None else map(_candidate, self._entry_points)
                self._loaded = _load(found)
            return self._loaded

    def _claimed(self, filetype: str) -> EncoderSpec | None:
        claims = self.loaded().claims.get(filetype, [])
        if len(claims) > 1:
            names = " and ".join(info.distribution for info, _ in claims)
            raise EncoderConflictError(
                f"filetype {filetype!r} is claimed by {names}: uninstall one, or name it in SEQSAVE_DISABLE_PLUGINS"
            )
        return claims[0][1] if claims else None

    def _not_found(self, filetype: str, base: str) -> str:
        known = [row.filetype for row in self.describe()]
        text = f"unknown filetype {filetype!r}"
        if base.lower() in KNOWN_PLUGINS:
            text += install_hint(base)
        else:
            text += did_you_mean(filetype, known, ignore_case=True)
        text += f"; there are: {', '.join(map(repr, known))}"
        broken = [info for info in self.loaded().infos if info.error]
        if broken:
            text += f"; not loaded: {'; '.join(f'{info.distribution} ({info.error})' for info in broken)}"
        return text

    def _encoder(self, spec: EncoderSpec) -> Encoder:
        encoder = self._encoders.get(spec.encoder)
        if encoder is None:
            # Not under the lock: what is imported may itself register an encoder, from whatever thread.
            encoder = self._encoders.setdefault(spec.encoder, _import_encoder(spec))
        return encoder


def _import_encoder(spec: EncoderSpec) -> Encoder:
    module, _, name = spec.encoder.partition(":")
    try:
        return cast("Encoder", getattr(importlib.import_module(module), name)())
    except ImportError as error:
        hint = f"; install it with: {spec.install_hint}" if spec.install_hint else ""
        raise EncoderUnavailableError(
            f"filetype {spec.filetype!r} needs something that is missing: {error}{hint}"
        ) from error
    except Exception as error:
        raise EncoderUnavailableError(
            f"the encoder of {spec.filetype!r} ({spec.encoder}) could not be made: {type(error).__name__}: {error}"
        ) from error


def _rows(spec: EncoderSpec, origin: str, conflict: tuple[str, ...] = ()) -> dict[str, FiletypeInfo]:
    names = [(spec.filetype, False)]
    if spec.metadata == "embed":
        names.append((spec.filetype + EMBED_SUFFIX, True))
    return {
        name: FiletypeInfo(filetype=name, origin=origin, spec=spec, embeds_metadata=embeds, conflict=conflict)
        for name, embeds in names
    }


def _check_spec(spec: Any, where: str) -> EncoderSpec:
    """Raise PluginError unless ``spec`` is a declaration that can be used."""
    if not isinstance(spec, EncoderSpec):
        raise PluginError(f"{where} gave {spec!r}: it must be a seqsave.EncoderSpec")
    found = problems(spec)
    if found:
        raise PluginError(f"{where} declares {spec.filetype!r}: {'; '.join(found)}")
    return spec


# --- loading entry points -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Candidate:
    """A plugin that may be loaded: what it is called, and its entry point or why that cannot be read."""

    info: PluginInfo
    entry_point: EntryPoint | None
    error: Exception | None = None


def _discover() -> Iterator[_Candidate]:
    """The entry points of everything installed, one distribution after the other.

    Not ``importlib.metadata.entry_points``: one unreadable record, of whatever package, makes that fail for all.
    """
    from importlib.metadata import distributions

    seen = set()
    for distribution in distributions():
        text = distribution.read_text("entry_points.txt")
        if text is None or f"[{GROUP}]" not in text:
            continue
        info = _label(distribution)
        key = re.sub(r"[-_.]+", "-", info.distribution).lower()
        if key in seen:
            continue  # installed twice: as with modules, the first on the path is the one
        seen.add(key)
        try:
            found = [entry_point for entry_point in distribution.entry_points if entry_point.group == GROUP]
        except Exception as error:  # noqa: BLE001  (a record may be unreadable in any way)
            yield _Candidate(info, None, error)
            continue
        for entry_point in found:
            yield _Candidate(replace(info, name=entry_point.name), entry_point)


def _candidate(entry_point: EntryPoint) -> _Candidate:
    if entry_point.dist is not None:
        return _Candidate(replace(_label(entry_point.dist), name=entry_point.name), entry_point)
    module = entry_point.value.partition(":")[0]
    return _Candidate(PluginInfo(name=entry_point.name, distribution=module, version=""), entry_point)


def _label(distribution: Distribution) -> PluginInfo:
    """Name and version of what is installed; where it lies, when its record has no name."""
    found = {}
    try:
        metadata = distribution.metadata
        found = {key: metadata[key] for key in ("Name", "Version") if key in metadata}
    except Exception:  # noqa: BLE001  (a missing or damaged record fails differently from Python to Python)
        found.clear()
    name = found.get("Name") or f"something without a name in {distribution.locate_file('')}"
    return PluginInfo(name=name, distribution=name, version=found.get("Version", ""))


def _load(candidates: Iterable[_Candidate]) -> _Loaded:
    loaded = _Loaded()
    strict = os.environ.get("SEQSAVE_STRICT_PLUGINS", "") not in ("", "0")
    for candidate in sorted(candidates, key=lambda candidate: (candidate.info.distribution, candidate.info.name)):
        info = candidate.info
        if not _chosen(info):
            continue
        try:
            specs = _specs_of(candidate)
        # A plugin may fail in any way there is, at import or in its hook, and may even try to end the program; none
        # of it may break another format.
        except (Exception, SystemExit) as error:
            message = f"{type(error).__name__}: {error}"
            if strict:
                raise PluginError(f"plugin {info.name!r} of {info.distribution} is broken: {message}") from error
            warnings.warn(f"plugin {info.name!r} of {info.distribution} is left out: {message}", SeqSaveWarning, 2)
            loaded.infos.append(replace(info, error=message))
            continue
        info = replace(info, filetypes=tuple(spec.filetype for spec in specs))
        loaded.infos.append(info)
        for spec in specs:
            loaded.claims.setdefault(spec.filetype, []).append((info, spec))
    return loaded


def _specs_of(candidate: _Candidate) -> list[EncoderSpec]:
    """Import one plugin's declarations, register it with a manager of its own and call its hook.

    One manager for each plugin: a hook that raises ends pluggy's call for everybody who is registered with it.
    """
    import pluggy

    from seqsave.plugins import hookspecs

    if candidate.entry_point is None:
        raise PluginError(f"its entry points cannot be read: {candidate.error}") from candidate.error
    module = candidate.entry_point.load()
    manager = pluggy.PluginManager(hookspecs.PROJECT_NAME)
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    manager.check_pending()
    _check_spelling(module, manager)
    results = manager.hook.seqsave_encoders() or [None]  # pluggy leaves out a None
    specs = [_check_spec(spec, "seqsave_encoders") for result in results for spec in _as_list(result)]
    names = [spec.filetype for spec in specs]
    if len(set(names)) < len(names):
        raise PluginError(f"seqsave_encoders declares a filetype twice: {', '.join(names)}")
    return specs


def _as_list(result: Any) -> list[Any]:
    if isinstance(result, str | bytes | Mapping | EncoderSpec) or not isinstance(result, Iterable):
        raise PluginError(f"seqsave_encoders returned {result!r}: it must be a list of seqsave.EncoderSpec")
    return list(result)


def _check_spelling(module: Any, manager: Any) -> None:
    """A function that looks like a hook but is none would do nothing, silently."""
    for name in dir(module):
        if not name.startswith("seqsave_") or not callable(getattr(module, name)):
            continue
        if manager.parse_hookimpl_opts(module, name) is None:
            raise PluginError(f"{name} has no @seqsave.hookimpl in front of it")
    if not manager.get_hookcallers(module):
        raise PluginError("it implements no hook: seqsave_encoders is the one there is")


def _chosen(info: PluginInfo) -> bool:
    """Whether the two environment variables let this plugin in, by its entry point's or distribution's name."""
    names = {info.name, info.distribution}
    only = os.environ.get("SEQSAVE_LOAD_PLUGINS")
    if only is not None and not names & _words(only):
        return False
    return not names & _words(os.environ.get("SEQSAVE_DISABLE_PLUGINS", ""))


def _words(text: str) -> set[str]:
    return {word.strip() for word in text.split(",") if word.strip()}


def install_hint(word: str) -> str:
    """``: pip install seqsave-webp adds it``, where a filetype or extension is known to come from a plugin."""
    name = KNOWN_PLUGINS.get(word.lower())
    return f": pip install {name} adds it" if name else ""


# --- the registry of this process -----------------------------------------------------------------------------------

_registry = Registry()


def resolve(filetype: str) -> Resolved:
    """The encoder for ``filetype``, ready to use.

    Raises EncoderNotFoundError (listing what there is, and what to install), EncoderConflictError when two plugins
    claim it, EncoderUnavailableError when its backend is missing.
    """
    return _registry.resolve(filetype)


def spec_of(filetype: str) -> EncoderSpec:
    """The declaration for ``filetype``, without importing the encoder. Raises as ``resolve`` does."""
    return _registry.find(filetype)[0]


def filetypes() -> tuple[str, ...]:
    """Every filetype that can be written, the default one first."""
    return tuple(info.filetype for info in _registry.describe())


def describe_filetypes() -> tuple[FiletypeInfo, ...]:
    """Every filetype with its options, dtypes, channels and where it comes from."""
    return _registry.describe()


def register_encoder(spec: EncoderSpec, clobber: bool = False) -> None:
    """Add an encoder to this process, without a plugin.

    Raises EncoderConflictError when the filetype is built in or registered already, unless ``clobber`` is True, and
    PluginError when the declaration is unsound. It wins over a plugin that claims the same filetype.
    """
    _registry.register(spec, clobber)


def unregister_encoder(filetype: str) -> None:
    """Take back ``register_encoder``; what was behind it is found again. Raises EncoderNotFoundError."""
    _registry.unregister(filetype)


def plugin_report() -> tuple[PluginInfo, ...]:
    """Every installed plugin, the broken ones with their error."""
    return tuple(_registry.loaded().infos)


def spec_for_extension(extension: str) -> EncoderSpec | None:
    """The declaration that reads files of this extension (without a dot), or None."""
    return _registry.spec_for_extension(extension)


def encoder_of(spec: EncoderSpec) -> Encoder:
    """The encoder that ``spec`` declares, imported at first use."""
    return _registry.encoder_of(spec)
