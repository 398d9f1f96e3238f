"""Access to ComfyUI: folders, arguments, interruption, progress, and the prompt that runs.

This is the only module that imports ComfyUI's own modules. It does so in functions, so that the pack can be imported
without a server. Features that older versions lack are looked up before they are used.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import logging
import os
import re
import sys
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "Failure",
    "Folders",
    "ProgressBar",
    "can_expand",
    "can_replace",
    "check_interrupt",
    "folders",
    "front_end_version",
    "has_node",
    "has_server",
    "inputs_of",
    "is_output",
    "metadata_wanted",
    "outputs_of",
    "queue_again",
    "queued_prompts",
    "register_replacement",
    "running_prompt",
    "serve",
    "serve_web",
    "watch_ends",
    "watch_prompts",
]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Folders:
    """ComfyUI's own folders: absolute paths."""

    output: str
    input: str
    temp: str

    def kinds(self) -> tuple[tuple[str, str], ...]:
        """Return each folder with the front end's name for it."""
        return (("output", self.output), ("input", self.input), ("temp", self.temp))


@dataclass(frozen=True)
class Failure:
    """What failed after all nodes of a prompt have run.

    node: the id of the node that it belongs to. kind: the name of the error's class. is_warning: nothing has failed.
    """

    node: str
    message: str
    kind: str
    is_warning: bool = False


def folders() -> Folders:
    """Return the current folders: the command line and extensions may change them."""
    paths = importlib.import_module("folder_paths")
    own = (paths.get_output_directory(), paths.get_input_directory(), paths.get_temp_directory())
    return Folders(*map(os.path.abspath, own))


@functools.cache
def front_end_version() -> tuple[int, ...]:
    """Return the version of the front end that is installed beside ComfyUI; () if it is another one, or unknown."""
    arguments = getattr(sys.modules.get("comfy.cli_args"), "args", None)
    if getattr(arguments, "front_end_root", None):
        return ()
    try:
        return tuple(map(int, re.findall(r"\d+", importlib.metadata.version("comfyui-frontend-package"))[:3]))
    except importlib.metadata.PackageNotFoundError:
        return ()


def metadata_wanted() -> bool:
    """Return False if the server was started with ``--disable-metadata``."""
    arguments = importlib.import_module("comfy.cli_args").args
    return not getattr(arguments, "disable_metadata", False)


def check_interrupt() -> None:
    """Raise ComfyUI's own exception if the user has pressed its interrupt button. Never catch it."""
    importlib.import_module("comfy.model_management").throw_exception_if_processing_interrupted()


def has_node(node_id: str) -> bool:
    """Return True if another pack has registered this node; False outside of a server."""
    return node_id in getattr(sys.modules.get("nodes"), "NODE_CLASS_MAPPINGS", {})


def running_prompt() -> str | None:
    """Return the id of the prompt whose node this thread runs; None outside of a server."""
    get = getattr(sys.modules.get("comfy_execution.utils"), "get_executing_context", None)
    if get is not None:
        context = get()
        return None if context is None else str(context.prompt_id)
    return getattr(_server(), "last_prompt_id", None)


def queued_prompts() -> list[Any]:
    """Return the prompts that wait in the queue, in no order."""
    queue = getattr(_server(), "prompt_queue", None)
    return [] if queue is None else [item[2] for item in list(queue.queue)]


def queue_again(prompt_id: str, prompt: Mapping[str, Any]) -> None:
    """Queue ``prompt`` before all others, with what else belongs to the prompt that runs under this id."""
    server = _server()
    running = [item for item in server.prompt_queue.currently_running.values() if str(item[1]) == prompt_id]
    for item in running:
        number, server.number = -server.number, server.number + 1
        server.prompt_queue.put((number, uuid.uuid4().hex, prompt, *item[3:]))


def watch_ends(notify: Callable[[str, bool], Sequence[Failure]]) -> bool:
    """Call ``notify`` with the id of each prompt that ends, and whether it did so well. False if that is not possible.

    If it returns failures, the prompt has failed: in the history, and in the front end, on the node of the first one.
    Warnings become a part of what their nodes show, in both.
    ComfyUI has no event for an end within the server, so this one comes before its queue's own method.
    """
    queue = getattr(_server(), "prompt_queue", None)
    done = getattr(queue, "task_done", None)
    if queue is None or done is None:
        return False
    if queue in _watched:
        return True

    @functools.wraps(done)
    def task_done(item_id: Any, history_result: Any, status: Any = None, *args: Any, **kwargs: Any) -> Any:
        error = None
        try:
            item = queue.currently_running.get(item_id)
            found = notify(str(item[1]), bool(getattr(status, "completed", False))) if item is not None else ()
            _show_warnings(item, history_result, [one for one in found if one.is_warning])
            failures = [one for one in found if not one.is_warning]
            if failures:
                error = _error_of(item, failures)
                message = ("execution_error", error)
                status = status._replace(status_str="error", completed=False, messages=[*status.messages, message])
        except Exception:  # noqa: BLE001 - the queue goes on
            _log.exception("The end of a prompt could not be recorded")
        answer = done(item_id, history_result, status, *args, **kwargs)
        if error is not None:
            client = getattr(_server(), "client_id", None)
            if client is not None:
                _server().send_sync("execution_error", error, client)
        return answer

    queue.task_done = task_done
    _watched.append(queue)
    return True


_watched: list[Any] = []


def _show_warnings(item: Sequence[Any], history_result: Any, warnings: Sequence[Failure]) -> None:
    """Add warnings to the nodes' outputs in the history, and send them to the front end."""
    for warning in warnings:
        node = _shown_node(warning.node, item[2])
        known = history_result.setdefault("outputs", {}).setdefault(node, {})
        known["warnings"] = list(dict.fromkeys([*known.get("warnings", ()), warning.message]))
        message = {"prompt_id": str(item[1]), "node": node, "warnings": known["warnings"]}
        _server().send_sync("seqsave.warnings", message, getattr(_server(), "client_id", None))


def _error_of(item: Sequence[Any], failures: Sequence[Failure]) -> dict[str, Any]:
    """Return the failures as ComfyUI describes an error of a node."""
    prompt = item[2]
    node = _shown_node(failures[0].node, prompt)
    return {
        "prompt_id": str(item[1]),
        "node_id": node,
        "node_type": str(prompt.get(node, {}).get("class_type", "")),
        "executed": list(prompt),
        "exception_message": "\n".join(dict.fromkeys(failure.message for failure in failures)),
        "exception_type": failures[0].kind,
        "traceback": [],
        "current_inputs": {},
        "current_outputs": [],
        "timestamp": int(time.time() * 1000),
    }


def _shown_node(node: str, prompt: Mapping[str, Any]) -> str:
    """Return the node of the graph that stands for one that was added to it while it ran.

    Such a node has the id of the one that added it, and its own after the last point: in a loop, that of the original.
    """
    known = [one for one in (node, node.rpartition(".")[2], node.partition(".")[0]) if one in prompt]
    return next(iter(known), node)


def inputs_of(node_id: str) -> Collection[str]:
    """Return the names of the inputs that a kind of node declares; nothing for an unknown one."""
    declared = _declared(node_id)
    return [name for kind in ("required", "optional", "hidden") for name in declared.get(kind) or {}]


def outputs_of(node_id: str) -> Collection[str]:
    """Return the types of the outputs that a kind of node declares; nothing for an unknown one."""
    types = getattr(_node(node_id), "RETURN_TYPES", None) or ()
    return [kind for kind in types if isinstance(kind, str)]


def is_output(node_id: str) -> bool:
    """Return True if a kind of node ends a graph."""
    return bool(getattr(_node(node_id), "OUTPUT_NODE", False))


@functools.cache
def can_expand(node_id: str) -> bool:
    """Return True if a kind of node can add nodes to a graph that runs, as loops do.

    It says so, in the newer way to write nodes; or it asks for the graph itself, or for a link instead of its value.
    """
    node = _node(node_id)
    try:
        if getattr(node, "GET_SCHEMA", None) is not None:
            return bool(getattr(node.GET_SCHEMA(), "enable_expand", False))
        declared = _declared(node_id)
        if "DYNPROMPT" in (declared.get("hidden") or {}).values():
            return True
        inputs = [one for kind in ("required", "optional") for one in (declared.get(kind) or {}).values()]
        return any(len(one) > 1 and isinstance(one[1], dict) and one[1].get("rawLink") for one in inputs)
    except Exception:  # noqa: BLE001 - of another pack
        _log.debug("The declarations of %s are not known", node_id, exc_info=True)
        return False


def _node(node_id: str) -> Any:
    return getattr(sys.modules.get("nodes"), "NODE_CLASS_MAPPINGS", {}).get(node_id)


def _declared(node_id: str) -> dict[str, Any]:
    node = _node(node_id)
    try:
        return dict(node.INPUT_TYPES()) if node is not None else {}
    except Exception:  # noqa: BLE001 - of another pack
        _log.debug("The inputs of %s are not known", node_id, exc_info=True)
        return {}


def _server() -> Any:
    return getattr(getattr(sys.modules.get("server"), "PromptServer", None), "instance", None)


def has_server() -> bool:
    """Return True inside of ComfyUI's server."""
    return getattr(_server(), "routes", None) is not None


def can_replace() -> bool:
    """Return True if this version of ComfyUI replaces nodes that are not installed."""
    return getattr(_server(), "node_replace_manager", None) is not None


def register_replacement(
    old: str, new: str, *, inputs: Collection[str], widgets: Collection[str], outputs: Collection[int]
) -> None:
    """Register a node as the replacement of another one with the same inputs and outputs.

    inputs: the names of all inputs; widgets: those of the widgets, in the order of their values.
    """
    replace = importlib.import_module("comfy_api.latest").io.NodeReplace
    _server().node_replace_manager.register(
        replace(
            new_node_id=new,
            old_node_id=old,
            old_widget_ids=list(widgets),
            input_mapping=[{"new_id": name, "old_id": name} for name in inputs],
            output_mapping=[{"new_idx": number, "old_idx": number} for number in outputs],
        )
    )


def watch_prompts(change: Callable[[Any], None]) -> None:
    """Call ``change`` with each prompt before ComfyUI checks it. It may change the prompt."""

    def handler(request: Any) -> Any:
        try:
            change(request.get("prompt"))
        except Exception:  # noqa: BLE001 - ComfyUI reports what is wrong with it
            _log.debug("A prompt could not be looked at", exc_info=True)
        return request

    _server().add_on_prompt_handler(handler)


def serve(path: str, answer: Callable[[], Any]) -> None:
    """Answer GET requests for ``path`` with JSON; nothing happens outside of a server."""
    routes = getattr(_server(), "routes", None)
    if routes is None:
        return
    web = importlib.import_module("aiohttp.web")

    async def handler(_: Any) -> Any:
        return web.json_response(answer())

    routes.get(path)(handler)


def serve_web(method: str, path: str, handler: Callable[[Any], Any]) -> None:
    """Answer requests for ``path`` with a handler of aiohttp; nothing happens outside of a server."""
    routes = getattr(_server(), "routes", None)
    if routes is not None:
        routes.route(method, path)(handler)


class ProgressBar:
    """The progress bar of the running node. Use it on that node's thread."""

    def __init__(self, total: int) -> None:
        self._bar: Any = importlib.import_module("comfy.utils").ProgressBar(total) if total > 1 else None
        self._done = 0
        self._before = 0

    def begin_part(self) -> None:
        """Count the items of a further part from 0."""
        self._before = self._done

    def show(self, done: int) -> None:
        """Show that ``done`` items are done."""
        done += self._before
        if self._bar is not None and done != self._done:
            self._done = done
            self._bar.update_absolute(done)

    def show_left(self, total: int, left: int) -> None:
        """Show that all items of ``total`` but ``left`` are done."""
        self.show(total - left)
