"""The registry of protocols and the classes that serve them.

Precedence: targets added by ``register_target``, then the built-ins (a local folder, memory), then plugins, then
seqsave's own handling: s3fs for ``s3://``, and any other fsspec filesystem. The built-ins are found without loading
plugins.

A class is a ``Target`` whose ``open`` makes a target from a root that ``urls.parse`` returned.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from seqsave.errors import TargetError
from seqsave.plugins import manager
from seqsave.plugins.options import convert, describe
from seqsave.specs import TargetSpec
from seqsave.targets.base import Target
from seqsave.targets.redact import is_secret_name
from seqsave.wording import described

__all__ = ["BUILTIN", "USUAL", "check_options", "claimed", "class_for", "find", "register_target", "unregister_target"]

BUILTIN = {
    "file": "seqsave.targets.local:LocalTarget",
    "memory": "seqsave.targets.memory:MemoryTarget",
}
USUAL = {
    "s3": "seqsave.targets.s3:S3Target",
    "s3a": "seqsave.targets.s3:S3Target",
    **dict.fromkeys(("gs", "gcs"), "seqsave.targets.clouds:GoogleTarget"),
    **dict.fromkeys(("az", "abfs", "abfss"), "seqsave.targets.clouds:AzureTarget"),
    **dict.fromkeys(("http", "https"), "seqsave.targets.http:HttpTarget"),
}
_ANY_OTHER = "seqsave.targets.fsspec:FsspecTarget"


def register_target(spec: TargetSpec, clobber: bool = False) -> None:
    """Add a storage to this process, without a plugin. It takes precedence over plugins that claim the same protocol.

    Raises TargetError if a protocol is built in or already registered, unless ``clobber`` is True, and PluginError if
    the declaration is invalid.
    """
    manager.check("targets", spec, "register_target")
    taken: str | None = None
    if not clobber:
        taken = next((protocol for protocol in spec.protocols if protocol in BUILTIN), None)
    taken = taken or manager.current().register("targets", spec, "register_target", clobber)
    if taken is not None:
        raise TargetError(f"a target for {taken}:// already exists; pass clobber=True to replace it")


def unregister_target(protocol: str) -> None:
    """Undo ``register_target``, for all protocols of that declaration. Raises TargetError if it is not registered."""
    if manager.current().unregister("targets", protocol) is None:
        added = ", ".join(manager.current().registered("targets")) or "nothing"
        raise TargetError(f"{protocol!r} was not registered in this process (registered: {added})")


def find(protocol: str) -> TargetSpec | None:
    """Return the declaration of a protocol; None if it has none.

    Raises TargetError, which names both, if two plugins claim it.
    """
    spec: TargetSpec | None = manager.current().registered("targets").get(protocol)
    if spec is not None or protocol in BUILTIN:
        return spec
    claims = manager.current().collect("targets").get(protocol, ())
    if len(claims) > 1:
        raise TargetError(manager.conflict(f"the protocol {protocol}://", claims))
    return claims[0].spec if claims else None


def claimed() -> Collection[str]:
    """Return every protocol that a call registered or a plugin claims."""
    return {*manager.current().registered("targets"), *manager.current().collect("targets")}


def class_for(protocol: str) -> type[Target]:
    """Return the class that serves ``protocol``, imported now.

    Raises TargetError, which ends with the install line, if the code that a declaration names cannot be imported.
    """
    spec = find(protocol)
    if spec is None:
        code = BUILTIN.get(protocol) or USUAL.get(protocol, _ANY_OTHER)
        return _target_class(manager.import_code(code))
    if spec.target is None:
        return _target_class(manager.import_code(_ANY_OTHER))
    try:
        return _target_class(manager.import_code(spec.target))
    except ImportError as error:
        raise TargetError(manager.missing(f"{protocol}://", error, spec)) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        message = f"the target of {protocol}:// ({spec.target}) could not be imported: {described(error)}"
        raise TargetError(message) from error


def check_options(protocol: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the storage options, converted to the types in the protocol's declaration.

    Raises TargetError for an unsuitable value; the value of an option with a secret's name is not shown.
    """
    checked, spec = dict(options), find(protocol)
    for name, option in spec.options.items() if spec is not None else ():
        value = checked.get(name)
        if value is None:
            continue
        checked[name] = convert(option, value)
        if checked[name] is None:
            shown = "not suitable" if is_secret_name(name) else repr(value)
            raise TargetError(f"storage option {name!r} of {protocol}:// is {shown}: it must be {describe(option)}")
    return checked


def _target_class(found: object) -> type[Target]:
    if isinstance(found, type) and issubclass(found, Target):
        return found
    raise TypeError(f"{found!r} is not a subclass of seqsave.targets.Target")
