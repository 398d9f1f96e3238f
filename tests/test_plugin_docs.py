"""docs/plugins.md and the hooks' docstrings say what the code does. That its blocks run is tests/test_docs.py."""

from __future__ import annotations

import ast
import builtins
import dataclasses
import inspect
import re
import textwrap
from pathlib import Path
from typing import Any, get_args, get_type_hints

import click
import pytest
from click.testing import CliRunner

import seqsave
from seqsave.cli import new_plugin
from seqsave.cli.app import status_of
from seqsave.metadata.xmp import TAGS
from seqsave.pictures.color import COLOR_SPACES
from seqsave.plugins import declarations, hookspecs, manager, registry
from seqsave.specs import EncoderSpec, ObserverSpec, Option, TargetSpec, Traits
from seqsave.testing import EncoderSuite, TargetSuite
from seqsave.types import ColorSpace, Decoded, Encoded, Encoder, FrameInfo
from tests.support.site import Site

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
HOOKS = {name: hook for name, hook in vars(hookspecs).items() if hasattr(hook, "seqsave_spec")}


def section(heading: str) -> str:
    found = re.search(rf"^(#+) {re.escape(heading)}\n(.*?)(?=^#{{1,3}} |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"no heading {heading!r}"
    return found[2]


def rows(text: str) -> dict[str, list[str]]:
    """Tables: the other cells by each code name in the first one."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return {name: cells[1:] for cells in lines for name in re.findall(r"`([^`]+)`", cells[0])}


def test_there_is_a_hook() -> None:
    assert list(HOOKS) == [*(hook.function for hook in manager.HOOKS.values()), manager.COMMANDS]


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_is_documented_with_its_exact_signature(name: str) -> None:
    signature = str(inspect.signature(HOOKS[name])).replace("'", "")
    assert f"{name}{signature}" in re.findall(r"^### `(.+)`$", PAGE, re.MULTILINE)


def test_no_hook_is_documented_that_is_not_there() -> None:
    assert set(re.findall(r"\b(seqsave_[a-z_]+)\(", PAGE)) == set(HOOKS)


@pytest.mark.parametrize("name", HOOKS)
def test_the_example_of_a_hook_runs(name: str) -> None:
    text = inspect.getdoc(HOOKS[name]) or ""
    _, _, example = text.partition("Example::\n")
    assert example.strip()
    names: dict[str, Any] = {}
    exec(compile(textwrap.dedent(example), name, "exec", dont_inherit=True), names)  # noqa: S102 - our own docstring
    assert hasattr(names[name], "seqsave_impl")
    if name == manager.COMMANDS:
        group = click.Group()
        names[name](group)
        (command,) = group.commands.values()
        assert CliRunner().invoke(command).output == "nothing\n"
        return
    (kind,) = (kind for kind, hook in manager.HOOKS.items() if hook.function == name)
    result = names[name]()
    assert result
    assert [manager.check(kind, spec, name) for spec in result] == result


@pytest.mark.parametrize("name", HOOKS)
def test_a_plugin_that_takes_the_documented_arguments_is_sound(site: Site, name: str) -> None:
    body = "pass" if name == manager.COMMANDS else "return []"
    arguments = ", ".join(inspect.signature(HOOKS[name]).parameters)
    site.install("sound", f"import seqsave\n@seqsave.hookimpl\ndef {name}({arguments}):\n    {body}\n")
    plugins = manager.PluginManager()
    plugins.commands(click.Group)
    assert [info.error for info in plugins.infos() if info.name == "sound"] == [None]


RECORDS = [EncoderSpec, Option, FrameInfo, ColorSpace, Encoded, Decoded, registry.FiletypeInfo]
RECORDS += [TargetSpec, Traits, ObserverSpec]


@pytest.mark.parametrize("record", RECORDS)
def test_every_field_is_documented_with_its_default(record: Any) -> None:
    table = rows(section(record.__name__))
    assert [name for name in table if name.isidentifier()] == [field.name for field in dataclasses.fields(record)]
    for field in dataclasses.fields(record):
        shown = table[field.name][0].strip("`").replace('"', "'")
        if field.default is not dataclasses.MISSING:
            assert shown in (repr(field.default), str(field.default), "empty" if field.default == "" else None), field
        else:
            assert shown == ("none" if field.default_factory is not dataclasses.MISSING else "")


@pytest.mark.parametrize("method", ["encode", "decode"])
def test_the_encoders_methods_have_the_signature_of_the_protocol(method: str) -> None:
    def names(signature: str) -> str:
        function = ast.parse(f"def {signature}: ...").body[0]
        assert isinstance(function, ast.FunctionDef)
        everything = [*function.args.args, "*", *function.args.kwonlyargs]
        arguments = ", ".join(each if isinstance(each, str) else each.arg for each in everything)
        returns = ast.unparse(function.returns) if function.returns else ""
        return f"{function.name}({arguments}) -> {returns.strip(chr(39))}"

    documented = [name for name in rows(section("The encoder")) if name.startswith(f"{method}(")]
    assert documented == [names(f"{method}{inspect.signature(getattr(Encoder, method))}")]


def test_what_can_be_stated_is_named() -> None:
    assert set(re.findall(r"`(\w+)`", rows(section("FrameInfo"))["tags"][1])) == set(TAGS)
    named = re.findall(r"`([\w-]+)`", rows(section("ColorSpace"))["name"][1])
    assert set(named) <= set(COLOR_SPACES)
    transfers = re.findall(r"`(\w+)`", rows(section("ColorSpace"))["transfer"][1])
    assert set(transfers) == set(get_args(get_type_hints(ColorSpace)["transfer"]))


def test_the_dtypes_are_all_named() -> None:
    assert ", ".join(declarations.DTYPES) in rows(section("EncoderSpec"))["dtypes"][1]


def test_every_check_and_attribute_of_the_kit_is_named() -> None:
    table = rows(section("Test it"))
    assert [name for name in table if name.startswith("test_")] == [
        n for n in vars(EncoderSuite) if n.startswith("test_")
    ]
    attributes = [name for name in inspect.get_annotations(EncoderSuite) if not name.startswith("_")]
    assert [name for name in table if not name.startswith("test_")] == attributes
    for name in ("min_psnr", "lossless_options"):
        assert table[name][0] == str(getattr(EncoderSuite, name))


def test_every_check_and_attribute_of_the_kit_for_storages_is_named() -> None:
    table = rows(section("A storage of your own"))
    assert [name for name in table if name.startswith("test_")] == [
        name for name in vars(TargetSuite) if name.startswith("test_")
    ]
    attributes = [name for name in table if not name.startswith("test_")]
    assert attributes == list(inspect.get_annotations(TargetSuite))
    for name in ("spec", "updates_are_safe"):
        assert table[name][0] == str(getattr(TargetSuite, name))


def test_every_environment_variable_is_named() -> None:
    used = set(re.findall(r"SEQSAVE_[A-Z_]+", inspect.getsource(manager)))
    assert {name.partition("=")[0] for name in rows(section("Environment variables"))} == used


def test_every_error_that_is_named_is_there() -> None:
    builtin = {"ImportError", "LookupError", "ValueError"}
    named = set(re.findall(r"`(\w+Error|\w+Warning)`", PAGE)) - builtin
    assert {name for name in named if not hasattr(seqsave, name)} == set()
    lines = [line for line in section("Errors").splitlines() if line.startswith("|")][2:]
    for line in lines:
        also = re.search(r"`(\w+Error)` \(also an? `(\w+)`\)", line)
        if also:
            assert issubclass(getattr(seqsave, also[1]), getattr(builtins, also[2])), line
    assert named >= {"EncoderConflictError", "EncoderUnavailableError", "EncoderNotFoundError", "PluginError"}


STATUSES = {"EncoderNotFoundError": 2, "EncoderConflictError": 1, "EncoderUnavailableError": 1, "OptionError": 2}


@pytest.mark.parametrize("name", STATUSES)
def test_the_statuses_are_those_of_the_command(name: str) -> None:
    line = next(line for line in section("Errors").splitlines() if f"`{name}`" in line)
    assert line.rstrip(" |")[-1] == str(STATUSES[name]) == str(status_of(getattr(seqsave, name)("x")))


def test_the_smallest_plugin_is_short() -> None:
    """A format in under 40 lines."""
    code = re.search(r"<!-- save as: seqsave_ppm\.py -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    assert code
    assert len(code[1].splitlines()) < 40


def test_the_storage_of_one_s_own_is_short() -> None:
    """A storage that is declared and gets if_exists="error", in under 60 lines of code."""
    code = re.findall(r"<!-- save as: (?:seqsave_shelf|shelf_fs)\.py -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(code) == 2
    assert len([line for text in code for line in text.splitlines() if line.strip()]) < 60


def test_the_wheel_of_the_storage_has_all_its_modules() -> None:
    modules = re.findall(r"<!-- save as: ((?:seqsave_shelf|shelf_fs)\.py) -->", PAGE)
    listed = re.search(r"^only-include = \[(.*)\]$", section("A storage of your own"), re.MULTILINE)
    assert listed
    assert re.findall(r'"(.*?)"', listed[1]) == modules


def test_the_template_is_what_the_page_says() -> None:
    """The files that the page sends its reader to; that its commands work is tests/template."""
    root = Path(new_plugin.__file__).with_name("plugin_template")
    there = {
        path.relative_to(root).as_posix().removesuffix(".txt").replace("newformat", "qoi")
        for path in root.rglob("*.txt")
    }
    assert set(rows(section("From zero to a saved frame"))) - {"signature", "decoders"} <= there
