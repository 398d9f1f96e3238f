"""Resolve an encoder by its file type, and list the file types.

Precedence: encoders added by ``register_encoder``, then the built-ins, then plugins. The built-ins are found without
loading plugins, so no plugin can break saving PNG and JPEG.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from seqsave.encoders import BUILTIN_SPECS
from seqsave.errors import EncoderConflictError, EncoderNotFoundError, EncoderUnavailableError
from seqsave.plugins import manager
from seqsave.plugins.manager import PluginInfo, PluginManager
from seqsave.specs import EncoderSpec
from seqsave.types import EMBED_SUFFIX, Encoder
from seqsave.wording import described, did_you_mean, shortened

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = [
    "FiletypeInfo",
    "PluginInfo",
    "Registry",
    "Resolved",
    "describe_filetypes",
    "filetypes",
    "plugin_manager",
    "plugin_report",
    "register_encoder",
    "resolve",
    "spec_for_extension",
    "spec_of",
    "unregister_encoder",
]

DEFAULT_FILETYPE = "png" + EMBED_SUFFIX
# The plugins of the project, by the formats that they add, for messages.
KNOWN_PLUGINS = {
    "avif": "seqsave-webp",
    "exr": "seqsave-exr",
    "jxl": "seqsave-jxl",
    "tif": "seqsave-tiff",
    "tiff": "seqsave-tiff",
    "webp": "seqsave-webp",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FiletypeInfo:
    """One file type, with the declaration of its encoder.

    filetype: the name that users pick.
    spec:     the declaration.
    embeds_metadata: True for a variant "with embedded workflow".
    origin:   ``built-in``, ``registered``, or the distribution that adds it.
    conflict: the other distributions that claim it.
    """

    filetype: str
    origin: str
    spec: EncoderSpec
    embeds_metadata: bool
    conflict: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolved:
    """A file type that can be written: its declaration, whether it embeds metadata, and its encoder."""

    filetype: str
    spec: EncoderSpec
    embed: bool
    encoder: Encoder

    @property
    def extension(self) -> str:
        """Return the extension of written files, without a dot."""
        return self.spec.extensions[0]


class Registry:
    """The file types of one set of plugins: by default, of all installed ones."""

    def __init__(
        self,
        entry_points: Iterable[EntryPoint] | None = None,
        *,
        plugins: Callable[[], PluginManager] | None = None,
    ) -> None:
        """Create a registry. plugins: returns the manager to use, instead of a new one for ``entry_points``."""
        own = PluginManager(entry_points)
        self._plugins = plugins or (lambda: own)
        self._builtin = {spec.filetype: spec for spec in BUILTIN_SPECS}
        self._encoders: dict[str, Encoder] = {}

    @property
    def manager(self) -> PluginManager:
        """Return the manager that loads the plugins."""
        return self._plugins()

    def register(self, spec: EncoderSpec, clobber: bool = False) -> None:
        """Add an encoder for this process, as ``register_encoder``."""
        manager.check("encoders", spec, "register_encoder")
        is_builtin = spec.filetype in self._builtin
        if (is_builtin and not clobber) or self.manager.register("encoders", spec, "register_encoder", clobber):
            raise EncoderConflictError(
                f"an encoder for {spec.filetype!r} already exists; pass clobber=True to replace it"
            )

    def unregister(self, filetype: str) -> None:
        """Remove the encoder that ``register`` added."""
        if self.manager.unregister("encoders", filetype) is None:
            added = ", ".join(map(repr, self._registered)) or "nothing"
            raise EncoderNotFoundError(f"{filetype!r} was not registered in this process (registered: {added})")

    def resolve(self, filetype: str) -> Resolved:
        """Return the encoder for ``filetype``, imported now. Raises as the function ``resolve``."""
        spec, embed = self.find(filetype)
        return Resolved(filetype, spec, embed, self._encoder(spec))

    def find(self, filetype: str) -> tuple[EncoderSpec, bool]:
        """Return the declaration for ``filetype`` and whether it embeds metadata, without importing the encoder."""
        if not isinstance(filetype, str):
            raise EncoderNotFoundError(
                f"filetype is {shortened(filetype)}: it must be text such as {DEFAULT_FILETYPE!r}"
            )
        base, embed = filetype.removesuffix(EMBED_SUFFIX), filetype.endswith(EMBED_SUFFIX)
        spec = self._registered.get(base) or self._builtin.get(base) or self._claimed(base)
        if spec is None:
            raise EncoderNotFoundError(self._not_found(filetype, base), topic="unknown-filetype")
        if embed and spec.metadata != "embed":
            raise EncoderNotFoundError(f"{base!r} files cannot hold a workflow; use file type {base!r}")
        return spec, embed

    def describe(self) -> tuple[FiletypeInfo, ...]:
        """Return every filetype: the default one first, then built-in, registered and plugins' ones by name."""
        rows: dict[str, FiletypeInfo] = {}
        for spec in self._builtin.values():
            rows.update(_rows(spec, "built-in"))
        for spec in self._registered.values():
            rows.update(_rows(spec, "registered"))
        for filetype, claims in sorted(self.manager.collect("encoders").items()):
            if filetype not in self._builtin and filetype not in self._registered:
                conflict = tuple(claim.info.distribution for claim in claims) if len(claims) > 1 else ()
                rows.update(_rows(claims[0].spec, claims[0].info.distribution, conflict))
        default = rows.pop(DEFAULT_FILETYPE)
        return (default, *rows.values())

    def spec_for_extension(self, extension: str) -> EncoderSpec | None:
        """Return the declaration whose encoder reads files that end in ``extension``, or None."""
        wanted = extension.lower()
        for specs in (self._registered, self._builtin):
            for spec in specs.values():
                if wanted in spec.extensions:
                    return spec
        for _, claims in sorted(self.manager.collect("encoders").items()):
            for claim in claims:
                if wanted in claim.spec.extensions:
                    return cast("EncoderSpec", claim.spec)
        return None

    def encoder_of(self, spec: EncoderSpec) -> Encoder:
        """Return the encoder that ``spec`` declares, imported once."""
        return self._encoder(spec)

    @property
    def _registered(self) -> Mapping[str, EncoderSpec]:
        return self.manager.registered("encoders")

    def _claimed(self, filetype: str) -> EncoderSpec | None:
        claims = self.manager.collect("encoders").get(filetype, ())
        if len(claims) > 1:
            raise EncoderConflictError(manager.conflict(f"file type {filetype!r}", claims))
        return claims[0].spec if claims else None

    def _not_found(self, filetype: str, base: str) -> str:
        known = [row.filetype for row in self.describe()]
        text = f"unknown file type {shortened(filetype)}"
        if base.lower() in KNOWN_PLUGINS:
            text += install_hint(base)
        else:
            text += did_you_mean(filetype, known, ignore_case=True)
        text += f"; known file types: {', '.join(map(repr, known))}"
        broken = [info for info in self.manager.infos() if info.error]
        if broken:
            text += f"; not loaded: {'; '.join(f'{info.distribution} ({info.error})' for info in broken)}"
        return text

    def _encoder(self, spec: EncoderSpec) -> Encoder:
        encoder = self._encoders.get(spec.encoder)
        if encoder is None:
            # Not under the lock: the imported code may itself register an encoder, on any thread.
            encoder = self._encoders.setdefault(spec.encoder, _import_encoder(spec))
        return encoder


def _import_encoder(spec: EncoderSpec) -> Encoder:
    try:
        return cast("Encoder", manager.import_code(spec.encoder)())
    except ImportError as error:
        raise EncoderUnavailableError(manager.missing(f"file type {spec.filetype!r}", error, spec)) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise EncoderUnavailableError(
            f"the encoder of {spec.filetype!r} ({spec.encoder}) could not be created: {described(error)}"
        ) from error


def _rows(spec: EncoderSpec, origin: str, conflict: tuple[str, ...] = ()) -> dict[str, FiletypeInfo]:
    names = [(spec.filetype, False)]
    if spec.metadata == "embed":
        names.append((spec.filetype + EMBED_SUFFIX, True))
    return {
        name: FiletypeInfo(filetype=name, origin=origin, spec=spec, embeds_metadata=embeds, conflict=conflict)
        for name, embeds in names
    }


def install_hint(word: str) -> str:
    """Return ``: pip install seqsave-webp adds it`` if a known plugin adds the file type or extension; otherwise ""."""
    name = KNOWN_PLUGINS.get(word.lower())
    return f": pip install {name} adds it" if name else ""


# --- the registry of this process -----------------------------------------------------------------------------------

_registry = Registry(plugins=manager.current)


def resolve(filetype: str) -> Resolved:
    """Return the encoder for ``filetype``, ready to use.

    Raises EncoderNotFoundError (which lists the known file types, and what to install), EncoderConflictError if two
    plugins claim it, EncoderUnavailableError if its backend is missing.
    """
    return _registry.resolve(filetype)


def spec_of(filetype: str) -> EncoderSpec:
    """Return the declaration for ``filetype``, without importing the encoder. Raises as ``resolve``."""
    return _registry.find(filetype)[0]


def filetypes() -> tuple[str, ...]:
    """Return every file type that can be written, the default one first."""
    return tuple(info.filetype for info in _registry.describe())


def describe_filetypes() -> tuple[FiletypeInfo, ...]:
    """Return every file type with its options, dtypes, channels and origin, as FiletypeInfo records."""
    return _registry.describe()


def register_encoder(spec: EncoderSpec, clobber: bool = False) -> None:
    """Add an encoder to this process, without a plugin.

    It takes precedence over a plugin that claims the same file type. Raises EncoderConflictError if the file type is
    built in or already registered, unless ``clobber`` is True, and PluginError if the declaration is invalid.
    """
    _registry.register(spec, clobber)


def unregister_encoder(filetype: str) -> None:
    """Undo ``register_encoder``, so that an encoder that it replaced is used again. Raises EncoderNotFoundError."""
    _registry.unregister(filetype)


def plugin_manager() -> PluginManager:
    """Return the manager that the functions of this module use."""
    return _registry.manager


def plugin_report() -> tuple[PluginInfo, ...]:
    """Return every installed plugin; broken ones have an error."""
    return _registry.manager.infos()


def spec_for_extension(extension: str) -> EncoderSpec | None:
    """Return the declaration that reads files of this extension (without a dot), or None."""
    return _registry.spec_for_extension(extension)


def encoder_of(spec: EncoderSpec) -> Encoder:
    """Return the encoder that ``spec`` declares, imported at first use."""
    return _registry.encoder_of(spec)
