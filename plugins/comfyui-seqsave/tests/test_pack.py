"""What ComfyUI sees of the pack: ids, inputs, defaults, texts; and what importing it costs."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import comfyui_seqsave
import pytest
from comfyui_seqsave import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS, host
from loading import load_folder
from server import PACK

import seqsave

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Write = Callable[[str], int]

TITLES = [
    *("Image Sequence Saver", "Image Sequence Loader", "Frame Counter (Simple)", "Frame Counter (Directory)"),
    *("Save Frames", "Load Frames", "Fetch Sequence"),
]
IDS = [f"{title} [seqsave]" for title in TITLES]
ORIGINAL_IDS = [f"{title} [Dream]" for title in TITLES[:4]]

INT, FLOAT, STRING = "INT", "FLOAT", "STRING"
FILETYPES = ("png with embedded workflow", "png", "jpg")
# What both savers have behind everything else, so that the widgets of older workflows stay where they are.
PICTURE: dict[str, tuple[Any, Any]] = {
    "also_as": (("nothing else", *FILETYPES[:2]), "nothing else"),
    "dtype": (("automatic", "uint8", "uint16"), "automatic"),
    "color": (("not stated", "srgb", "linear-srgb"), "not stated"),
    "convert_to": (("as it is", "srgb", "linear-srgb"), "as it is"),
    "dpi": (FLOAT, 0.0),
    "tags": (STRING, ""),
    "metadata_in": (("each frame", "first frame", "sidecar"), "each frame"),
    "withhold": (STRING, ""),
    "preview": (("none", "mp4", "webm"), "none"),
    "parameters": ("BOOLEAN", False),
    "proxies": ("BOOLEAN", False),
}
# Of each input its type, or the beginning of its list, and its default; as the contract's tables say.
INPUTS: dict[str, dict[str, tuple[Any, Any]]] = {
    "Image Sequence Saver": {
        "frame_counter": ("FRAME_COUNTER", None),
        "image": ("IMAGE", None),
        "directory_path": (STRING, "{output}"),
        "prefix": (STRING, "frame"),
        "digits": (INT, 5),
        "at_end": (("stop output", "raise error", "keep going"), "stop output"),
        "filetype": (FILETYPES, "png with embedded workflow"),
        "options": (STRING, ""),
        **PICTURE,
    },
    "Image Sequence Loader": {
        "frame_counter": ("FRAME_COUNTER", None),
        "directory_path": (STRING, "{output}"),
        "pattern": (STRING, "*"),
        "indexing": (("numeric", "alphabetic order"), "numeric"),
        "default_image": ("IMAGE", None),
    },
    "Frame Counter (Simple)": {"frame_index": (INT, 0), "total_frames": (INT, 100), "frames_per_second": (INT, 25)},
    "Frame Counter (Directory)": {
        "directory_path": (STRING, "{output}"),
        "pattern": (STRING, "*"),
        "indexing": (("numeric", "alphabetic order"), "numeric"),
        "total_frames": (INT, 100),
        "frames_per_second": (INT, 30),
    },
    "Save Frames": {
        "images": ("IMAGE", None),
        "directory_path": (STRING, "{output}"),
        "prefix": (STRING, "frame"),
        "start": (INT, 0),
        "digits": (INT, 5),
        "filetype": (FILETYPES, "png with embedded workflow"),
        "if_exists": (("overwrite", "error", "skip"), "overwrite"),
        "frames_per_second": (FLOAT, 24.0),
        "options": (STRING, ""),
        **PICTURE,
        "meta_batch": ("VHS_BatchManager", None),
    },
    "Load Frames": {
        "directory_path": (STRING, "{output}"),
        "prefix": (STRING, ""),
        "start": (INT, -1),
        "count": (INT, 0),
        "step": (INT, 1),
        "missing": (("error", "skip", "repeat previous"), "error"),
        "filetype": (STRING, ""),
    },
    "Fetch Sequence": {"sequence": ("ANIMATION_SEQUENCE", None)},
}
TEXTS = {"first_url": STRING, "folder": STRING, "pattern": STRING, "count": INT}
OUTPUTS = {
    "Image Sequence Saver": {
        "sequence": "ANIMATION_SEQUENCE",
        "log_entry": "LOG_ENTRY",
        "image": "IMAGE",
        **TEXTS,
    },
    "Image Sequence Loader": {"image": "IMAGE", "frame_name": STRING},
    "Frame Counter (Simple)": {"frame_counter": "FRAME_COUNTER"},
    "Frame Counter (Directory)": {"frame_counter": "FRAME_COUNTER"},
    "Save Frames": {
        "images": "IMAGE",
        "urls": STRING,
        "sequence": "ANIMATION_SEQUENCE",
        "log_entry": "LOG_ENTRY",
        **TEXTS,
    },
    "Load Frames": {"images": "IMAGE", "mask": "MASK", "count": INT},
    "Fetch Sequence": {"sequence": "ANIMATION_SEQUENCE"},
}

nodes = pytest.mark.parametrize("title", TITLES)


def node_of(title: str) -> Any:
    return NODE_CLASS_MAPPINGS[f"{title} [seqsave]"]


def inputs_of(title: str) -> dict[str, tuple[Any, dict[str, Any]]]:
    declared = node_of(title).INPUT_TYPES()
    return {**declared["required"], **declared.get("optional", {})}


def test_ids(write_config: Write) -> None:
    assert sorted(load_folder(PACK).NODE_CLASS_MAPPINGS) == sorted(IDS)
    assert {name: NODE_DISPLAY_NAME_MAPPINGS[name] for name in IDS} == dict(zip(IDS, TITLES, strict=True))


@nodes
def test_inputs_and_defaults(folders: host.Folders, title: str) -> None:
    found = {}
    for name, (kind, *more) in inputs_of(title).items():
        kind = tuple(kind)[:3] if isinstance(kind, list) else kind
        found[name] = (kind, more[0].get("default"))
    wanted = {
        name: (kind, folders.output if default == "{output}" else default)
        for name, (kind, default) in INPUTS[title].items()
    }
    assert found == wanted
    assert list(found) == list(wanted), "in this order, as the widgets of saved workflows are"


@nodes
def test_outputs(title: str) -> None:
    node = node_of(title)
    assert dict(zip(node.RETURN_NAMES, node.RETURN_TYPES, strict=True)) == OUTPUTS[title]
    assert getattr(node, "OUTPUT_NODE", False) == title.startswith(("Image Sequence Saver", "Save"))


@nodes
def test_texts(folders: host.Folders, title: str) -> None:
    node = node_of(title)
    assert node.CATEGORY == "image/animation"
    assert len(node.DESCRIPTION) > 40
    assert len(node.SEARCH_ALIASES) > 1
    assert len(set(node.SEARCH_ALIASES)) == len(node.SEARCH_ALIASES)
    assert "seqsave" in node.SEARCH_ALIASES
    for name, (_, *more) in inputs_of(title).items():
        assert len(more[0]["tooltip"]) > 10, name
    if not title.startswith("Frame Counter"):
        assert len(node.OUTPUT_TOOLTIPS) == len(node.RETURN_TYPES)
    assert (PACK / "src" / "comfyui_seqsave" / "web" / "docs" / f"{title} [seqsave].md").is_file()


@nodes
def test_declarations_are_what_comfyui_sends(folders: host.Folders, title: str) -> None:
    """As JSON, with numbers for the limits of numbers, and every function with the arguments of its inputs."""
    json.dumps(node_of(title).INPUT_TYPES())
    node = node_of(title)
    _, *parameters = inspect.signature(getattr(node, node.FUNCTION)).parameters.values()
    arguments = {one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD}
    takes_more = any(one.kind is one.VAR_KEYWORD for one in parameters)
    hidden = set(node.INPUT_TYPES().get("hidden", {}))
    # Those about the picture go through as they are, by name.
    through = set(PICTURE) & set(inputs_of(title)) if takes_more else set()
    assert arguments == (set(inputs_of(title)) | hidden) - through
    for name, (kind, *more) in inputs_of(title).items():
        if kind in (INT, FLOAT):
            assert more[0]["min"] <= more[0]["default"] <= more[0]["max"], name


@pytest.mark.parametrize("title", ["Image Sequence Saver", "Save Frames"])
def test_what_few_need_is_hidden_at_first(folders: host.Folders, title: str) -> None:
    hidden = {name for name, (_, more) in inputs_of(title).items() if more.get("advanced")}
    assert hidden == {*PICTURE, "options"}


def test_no_input_is_a_secret(folders: host.Folders) -> None:
    """Whatever is a widget ends up in every saved file."""
    from seqsave.targets.redact import is_secret_name

    for title in TITLES:
        assert not [name for name in inputs_of(title) if is_secret_name(name)]


def test_file_types_of_plugins_appear(folders: host.Folders) -> None:
    spec = seqsave.EncoderSpec(
        filetype="zzz", extensions=("zzz",), encoder="nowhere:Zzz", dtypes=("uint8",), metadata="embed"
    )
    seqsave.register_encoder(spec)
    try:
        for title in ("Image Sequence Saver", "Save Frames"):
            kinds = inputs_of(title)["filetype"][0]
            assert {"zzz", "zzz with embedded workflow"} <= set(kinds)
            assert len(kinds) == len(set(kinds))
    finally:
        seqsave.unregister_encoder("zzz")


def test_original_ids_when_the_administrator_wants_them(write_config: Write) -> None:
    write_config("[comfyui]\noriginal_ids = true")
    module = load_folder(PACK)
    assert sorted(module.NODE_CLASS_MAPPINGS) == sorted([*IDS, *ORIGINAL_IDS])
    for title in TITLES[:4]:
        assert module.NODE_CLASS_MAPPINGS[f"{title} [Dream]"] is module.NODE_CLASS_MAPPINGS[f"{title} [seqsave]"]
        assert module.NODE_DISPLAY_NAME_MAPPINGS[f"{title} [Dream]"]


def test_both_packs_side_by_side(write_config: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Node ids that another pack has registered are left alone."""
    taken = {ORIGINAL_IDS[0]: object(), "KSampler": object()}
    monkeypatch.setitem(sys.modules, "nodes", SimpleNamespace(NODE_CLASS_MAPPINGS=taken))
    write_config("[comfyui]\noriginal_ids = true")
    assert sorted(load_folder(PACK).NODE_CLASS_MAPPINGS) == sorted([*IDS, *ORIGINAL_IDS[1:]])


def test_a_broken_configuration_leaves_the_nodes_there(write_config: Write, caplog: pytest.LogCaptureFixture) -> None:
    """Each of them says what is wrong, when it is used."""
    write_config("[comfyui]\noriginal_ids = 'yes'")
    assert sorted(load_folder(PACK).NODE_CLASS_MAPPINGS) == sorted(IDS)
    assert "original_ids" in caplog.text


def test_importing_it_is_light() -> None:
    heavy = "torch numpy PIL fsspec s3fs pluggy rich tenacity folder_paths comfy nodes server click"
    code = f"import comfyui_seqsave, sys; print(*({heavy.split()!r} & sys.modules.keys()))"
    code = code.replace(repr(heavy.split()), f"set({heavy.split()!r})")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_registry_finds_what_it_needs() -> None:
    project = tomllib.loads((PACK / "pyproject.toml").read_text())
    comfy = project["tool"]["comfy"]
    assert comfy["PublisherId"]
    assert comfy["DisplayName"]
    assert project["project"]["urls"]["Repository"].startswith("https://")
    assert project["project"]["version"] == comfyui_seqsave.__version__
    wanted = {re.split("[>=<]", line)[0] for line in (PACK / "requirements.txt").read_text().split()}
    assert "seqsave" in wanted


def test_comfyui_reads_the_versions_that_it_must_have(comfy_modules: ModuleType) -> None:
    read = importlib.import_module("comfy_config.config_parser").extract_node_configuration
    assert read(str(PACK)).project.supported_comfyui_version == ">=0.3.75"


def test_nothing_that_reviewers_refuse() -> None:
    """The registry's rules: nothing is evaluated, and nothing installed, at run time."""
    for path in (PACK / "src").rglob("*.py"):
        text = path.read_text()
        assert not re.search(r"\b(eval|exec)\(|subprocess|os\.system|pip install [^s]|pickle", text), path
