"""Make the text of generation parameters, which galleries read, of the graph of a picture.

It is the text that the AUTOMATIC1111 web UI writes, in the PNG text ``parameters`` and in Exif as UserComment: the
prompt, a line ``Negative prompt: ...``, and a last line ``Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, ...``.

Only values that the graph has are written, of the nodes that made this picture: links are followed up from its saver
to the nearest sampler, and from there to its model and its prompts. A value that a node computes is left out, and so
is one on which several samplers of the picture do not agree.

Sources: the keys that https://github.com/civitai/civitai reads (``automatic.metadata.ts``), and the prompt's JSON as
ComfyUI saves it. The hashes are those that a workflow states of its models (``properties.models``); no file is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["PARAMETERS", "parameters_of"]

PARAMETERS = "parameters"
"""What the text is called in a file."""

# ComfyUI's names of samplers and schedulers, and what the web UI calls the same ones.
_SAMPLERS = {
    "ddim": "DDIM",
    "dpm_2": "DPM2",
    "dpm_2_ancestral": "DPM2 a",
    "dpm_adaptive": "DPM adaptive",
    "dpm_fast": "DPM fast",
    "dpmpp_2m": "DPM++ 2M",
    "dpmpp_2m_sde": "DPM++ 2M SDE",
    "dpmpp_2m_sde_heun": "DPM++ 2M SDE Heun",
    "dpmpp_2s_ancestral": "DPM++ 2S a",
    "dpmpp_3m_sde": "DPM++ 3M SDE",
    "dpmpp_sde": "DPM++ SDE",
    "euler": "Euler",
    "euler_ancestral": "Euler a",
    "heun": "Heun",
    "lcm": "LCM",
    "lms": "LMS",
    "uni_pc": "UniPC",
}
_SCHEDULES = {
    "beta": "Beta",
    "ddim_uniform": "DDIM",
    "exponential": "Exponential",
    "karras": "Karras",
    "kl_optimal": "KL Optimal",
    "normal": "Normal",
    "sgm_uniform": "SGM Uniform",
    "simple": "Simple",
}
_TEXTS = ("text", "prompt", "text_g", "text_l", "clip_l", "t5xxl", "user_prompt")
_MODELS = ("ckpt_name", "unet_name")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_SHORT_HASH = 10  # digits of a model's hash that the web UI writes

Link = tuple[str, int]


def parameters_of(
    prompt: Any, node: str, image: str = "images", *, workflow: Any = None, size: tuple[int, int] | None = None
) -> str | None:
    """Return the text of the picture that a node gets; None if no sampler made it, or its steps are not known.

    prompt:   the graph as ComfyUI runs it, ``{id: {"class_type", "inputs"}}``.
    node:     the id of the node that saves the picture. image: its input for it.
    workflow: the graph as the front end saves it, for the hashes of models.
    size:     width and height of the picture, in pixels; stated if the graph has no size of its latent.

    Text on several lines; it is not JSON, so pass it on as ``RawText``. Never raises: what is not a graph gives None.
    """
    graph = _Graph(prompt if isinstance(prompt, Mapping) else {})
    start = graph.link(str(node), image)
    samplers = [] if start is None else graph.samplers(start)
    passes = [_Sampler(graph, sampler) for sampler in samplers]
    fields = _agreed([one.fields() for one in passes])
    if "Steps" not in fields:
        return None
    if size is not None:
        fields.setdefault("Size", f"{size[0]}x{size[1]}")
    hashes = _hashes(fields, _agreed([one.files() for one in passes]), _stated(workflow))
    prompts = _agreed([one.prompts() for one in passes])
    lines = [prompts["positive"]] if prompts.get("positive") else []
    if prompts.get("negative"):
        lines.append(f"Negative prompt: {prompts['negative']}")
    order = ("Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "Model hash", "Model")
    fields = {name: fields[name] for name in (*order, "Denoising strength") if name in fields}
    line = ", ".join(f"{name}: {_quoted(value)}" for name, value in fields.items())
    return "\n".join([*lines, line + (f", Hashes: {json.dumps(hashes)}" if hashes else "")])


def _hashes(fields: dict[str, Any], files: Mapping[str, Any], known: Mapping[str, set[str]]) -> dict[str, str]:
    """Return the hashes that the workflow states of the files, and put that of the model into ``fields``."""
    model, loras = files.get("model"), files.get("loras") or ()
    named = [("model", model)] if model else []
    named += [(f"lora:{_stem(file)}", file) for file in loras]
    found = {}
    for name, file in named:
        stated = known.get(_base(file), set())
        if len(stated) == 1:
            found[name] = next(iter(stated))[:_SHORT_HASH]
    if "model" in found:
        fields["Model hash"] = found["model"]
    return found


@dataclass(frozen=True)
class _Graph:
    """A prompt whose links are followed up. Every walk ends, also in a graph with a circle, and at a broken link."""

    nodes: Mapping[str, Any]

    def inputs(self, node: str) -> Mapping[str, Any]:
        found = self.nodes.get(node)
        inputs = found.get("inputs") if isinstance(found, Mapping) else None
        return inputs if isinstance(inputs, Mapping) else {}

    def kind(self, node: str) -> str:
        found = self.nodes.get(node)
        return str(found.get("class_type")) if isinstance(found, Mapping) else ""

    def link(self, node: str, name: str) -> Link | None:
        return _as_link(self.inputs(node).get(name))

    def links(self, node: str) -> dict[str, Link]:
        found = {name: _as_link(value) for name, value in self.inputs(node).items()}
        return {name: link for name, link in found.items() if link is not None}

    def value(self, node: str, name: str) -> Any:
        """Return the value of an input; over a link, that of a node that holds only this one. None for others."""
        for _ in range(len(self.nodes) + 1):
            given = self.inputs(node).get(name)
            source = _as_link(given)
            if source is None:
                return None if isinstance(given, list | tuple | dict) else given
            inputs = list(self.inputs(source[0]))
            if len(inputs) != 1:
                return None
            node, name = source[0], inputs[0]
        return None

    def samplers(self, start: Link) -> list[str]:
        """Return the nearest samplers above, each once: what is above a sampler went through it."""
        return list(self._nearest(start[0], self.is_sampler))

    def is_sampler(self, node: str) -> bool:
        inputs = self.inputs(node)
        return {"steps", "sampler_name"} <= set(inputs) or {"sampler", "sigmas"} <= set(inputs)

    def value_above(self, node: str, link: str, name: str) -> Any:
        """Return the value of the nearest nodes above an input that have this one; None if they do not agree."""
        start = self.link(node, link)
        found = [] if start is None else list(self._nearest(start[0], lambda one: name in self.inputs(one)))
        values = [self.value(one, name) for one in found]
        return values[0] if values and all(value == values[0] for value in values) else None

    def _nearest(self, start: str, is_found: Callable[[str], bool]) -> Iterator[str]:
        seen, waiting = {start}, [start]
        while waiting:
            node = waiting.pop(0)
            if is_found(node):
                yield node
                continue
            above = [link[0] for link in self.links(node).values()]
            waiting += [one for one in dict.fromkeys(above) if one not in seen]
            seen.update(above)


@dataclass(frozen=True)
class _Sampler:
    """One sampler of the picture: ``KSampler``, one of its relatives, or one whose parts are nodes of their own."""

    graph: _Graph
    node: str

    def fields(self) -> dict[str, Any]:
        """Return what the last line states, without hashes."""
        graph, node = self.graph, self.node
        fields = {
            "Steps": self._value("steps", "sigmas"),
            "Sampler": _named(_SAMPLERS, self._value("sampler_name", "sampler"), suffix="_gpu"),
            "Schedule type": _named(_SCHEDULES, self._value("scheduler", "sigmas")),
            "CFG scale": self._value("cfg", "guider"),
            "Seed": self._seed(),
            "Size": self._size(),
            "Model": _stem(self.files().get("model")),
            "Denoising strength": self._value("denoise", "sigmas"),
        }
        if fields["Denoising strength"] == 1:  # the whole of it, which the web UI does not write
            del fields["Denoising strength"]
        if graph.value(node, "add_noise") in ("disable", False):
            fields["Seed"] = None  # no noise comes of it
        return {name: value for name, value in fields.items() if _is_plain(value)}

    def prompts(self) -> dict[str, str]:
        """Return the texts of the prompts."""
        owner = self._owner("positive")
        found = {name: self._text(self.graph.link(owner, name)) for name in ("positive", "negative")}
        if found["positive"] is None:
            found["positive"] = self._text(self.graph.link(owner, "conditioning"))
        return {name: text for name, text in found.items() if text}

    def files(self) -> dict[str, Any]:
        """Return the file of the model, and those of the LoRAs between it and the sampler."""
        link, loras, seen = self.graph.link(self._owner("model"), "model"), [], set[str]()
        while link is not None and link[0] not in seen:
            node = link[0]
            seen.add(node)
            lora = self.graph.value(node, "lora_name")
            loras += [lora] if isinstance(lora, str) else []
            found = [self.graph.value(node, name) for name in _MODELS if name in self.graph.inputs(node)]
            if found:
                return {"model": found[0], "loras": tuple(loras)} if isinstance(found[0], str) else {}
            link = self.graph.link(node, "model") or _only(self.graph.links(node))
        return {}

    def _owner(self, name: str) -> str:
        """Return the node that has the inputs of the guidance: the sampler, or its guider."""
        guider = self.graph.link(self.node, "guider")
        return self.node if guider is None or name in self.graph.inputs(self.node) else guider[0]

    def _value(self, name: str, link: str) -> Any:
        if name in self.graph.inputs(self.node):
            return self.graph.value(self.node, name)
        return self.graph.value_above(self.node, link, name)

    def _seed(self) -> Any:
        for name in ("seed", "noise_seed"):
            if name in self.graph.inputs(self.node):
                return self.graph.value(self.node, name)
        return self.graph.value_above(self.node, "noise", "noise_seed")

    def _size(self) -> str | None:
        link = self.graph.link(self.node, "latent_image") or self.graph.link(self.node, "samples")
        if link is None:
            return None
        width, height = (self.graph.value(link[0], name) for name in ("width", "height"))
        return f"{width}x{height}" if _is_number(width) and _is_number(height) else None

    def _text(self, link: Link | None) -> str | None:
        """Return the text of a conditioning; None if it has none, or several."""
        for _ in range(len(self.graph.nodes) + 1):
            if link is None or "zeroout" in self.graph.kind(link[0]).lower():
                return None
            node, output = link
            inputs, links = self.graph.inputs(node), self.graph.links(node)
            texts = [self.graph.value(node, name) for name in _TEXTS if name in inputs]
            if texts:
                same = all(text == texts[0] for text in texts)
                return texts[0] if same and isinstance(texts[0], str) else None
            if {"positive", "negative"} <= set(links):  # it changes both, and gives them in this order
                link = [links["positive"], links["negative"]][output] if output in (0, 1) else None
                continue
            above = {name: one for name, one in links.items() if "conditioning" in name} or links
            link = _only(above)
        return None


def _agreed(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the values that are the same in all."""
    if not found:
        return {}
    return {name: value for name, value in found[0].items() if all(one.get(name) == value for one in found[1:])}


def _stated(workflow: Any) -> dict[str, set[str]]:
    """Return the SHA-256 hashes that a workflow states of model files, by the file's name."""
    found: dict[str, set[str]] = {}
    graphs = [workflow] if isinstance(workflow, Mapping) else []
    for graph in graphs:
        for node in _listed(graph.get("nodes")):
            properties = node.get("properties")
            for model in _listed(properties.get("models")) if isinstance(properties, Mapping) else ():
                name, digest = model.get("name"), model.get("hash")
                is_sha = str(model.get("hash_type")).lower().replace("-", "") == "sha256"
                if isinstance(name, str) and isinstance(digest, str) and is_sha and _SHA256.fullmatch(digest):
                    found.setdefault(_base(name), set()).add(digest.lower())
        if graph is workflow:
            definitions = graph.get("definitions")
            graphs += _listed(definitions.get("subgraphs")) if isinstance(definitions, Mapping) else []
    return found


def _listed(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _as_link(value: Any) -> Link | None:
    if isinstance(value, list | tuple) and len(value) == 2 and isinstance(value[0], str | int):
        return (str(value[0]), value[1]) if isinstance(value[1], int) else None
    return None


def _only(links: Mapping[str, Link]) -> Link | None:
    return next(iter(links.values())) if len(links) == 1 else None


def _base(path: str) -> str:
    return re.split(r"[/\\]", path)[-1]


def _stem(path: Any) -> str | None:
    return _base(path).rpartition(".")[0] or _base(path) if isinstance(path, str) else None


def _named(names: Mapping[str, str], value: Any, suffix: str = "") -> Any:
    return names.get(value.removesuffix(suffix), value) if isinstance(value, str) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_plain(value: Any) -> bool:
    return _is_number(value) or (isinstance(value, str) and bool(value))


def _quoted(value: Any) -> str:
    """Return a value as it stands between two commas."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if re.search(r"[,:\n]", text) else text
