"""The prompt that runs: how it ends, and the numbers of its frames. Without a server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from comfyui_seqsave import host, prompts

import seqsave

MANAGER = "VHS_BatchManager"


class Queue:
    """As much of ComfyUI's queue as a prompt needs."""

    def __init__(self) -> None:
        self.queue: list[tuple[Any, ...]] = []
        self.currently_running: dict[int, tuple[Any, ...]] = {}
        self.done: list[int] = []

    def task_done(self, item_id: int, history_result: Any, status: Any = None, process_item: Any = None) -> None:
        self.currently_running.pop(item_id)
        self.done.append(item_id)


class Writer:
    url = "/renders"
    result = seqsave.SaveResult(url=url, frames=(), failures=(), warnings=())

    def __init__(self, error: Exception | None = None) -> None:
        self.ends: list[str] = []
        self._error = error

    def close(self) -> None:
        self.ends.append("closed")
        if self._error is not None:
            raise self._error

    def abort(self) -> None:
        self.ends.append("aborted")


class Server:
    """A server that runs one prompt after the other."""

    def __init__(self) -> None:
        self.prompt_queue = Queue()
        self.last_prompt_id = ""

    def begin(self, name: str, prompt: Any) -> None:
        self.last_prompt_id = name
        self.prompt_queue.currently_running[1] = (0, name, prompt, {}, [])

    def end(self, *, ok: bool = True) -> None:
        self.prompt_queue.task_done(1, {}, status=SimpleNamespace(completed=ok))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    one = Server()
    modules: dict[str, dict[str, Any]] = {
        "server": {"PromptServer": SimpleNamespace(instance=one)},
        "nodes": {"NODE_CLASS_MAPPINGS": {MANAGER: type(MANAGER, (), {"RETURN_TYPES": (MANAGER,)})}},
        "comfy_execution.utils": {},
    }
    for name, values in modules.items():
        module = ModuleType(name)
        vars(module).update(values)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(prompts, "_runs", {})
    host.can_expand.cache_clear()
    yield one
    host.can_expand.cache_clear()


def graph(part: int = 0) -> dict[str, Any]:
    return {"1": {"class_type": MANAGER, "inputs": {"requeue": part}}, "2": {"class_type": "Saver", "inputs": {}}}


def test_an_unexpected_error_leaves_no_other_writer_open_and_the_queue_goes_on(server: Server) -> None:
    server.begin("a", graph())
    run = prompts.current(graph(), "2")
    broken, other = Writer(RuntimeError("a bug")), Writer()
    for writer in (broken, other):
        run.writer(writer, "2", None, lambda writer=writer: writer)  # type: ignore[misc]
    server.end()
    assert (broken.ends, other.ends) == (["closed"], ["closed"])
    assert server.prompt_queue.done == [1]


@pytest.mark.parametrize("is_queued", [False, True])
def test_a_run_whose_next_part_is_cancelled_ends_with_the_next_prompt_of_any_kind(
    server: Server, is_queued: bool
) -> None:
    server.begin("a", graph())
    writer: Any = Writer()
    prompts.current(graph(), "2").writer("key", "2", None, lambda: writer)
    server.prompt_queue.queue.append((-1, "b", graph(1), {}, []))
    server.end()
    assert writer.ends == []
    if not is_queued:
        server.prompt_queue.queue.clear()
    server.begin("c", {"5": {"class_type": "Other", "inputs": {}}})
    server.end()
    assert writer.ends == ([] if is_queued else ["aborted"])


def test_a_part_that_fails_before_it_saves_ends_the_run(server: Server) -> None:
    server.begin("a", graph())
    writer: Any = Writer()
    prompts.current(graph(), "2").writer("key", "2", None, lambda: writer)
    server.prompt_queue.queue.append((-1, "b", graph(1), {}, []))
    server.end()
    server.prompt_queue.queue.clear()
    server.begin("b", graph(1))
    server.end(ok=False)
    assert writer.ends == ["aborted"]


def test_nodes_of_other_packs_with_odd_declarations_are_no_obstacle(server: Server) -> None:
    def fails() -> None:
        raise RuntimeError("not now")

    odd: dict[str, Any] = {
        "Schema": type("Schema", (), {"GET_SCHEMA": fails}),
        "Number": type("Number", (), {"INPUT_TYPES": lambda: {"required": {"a": 5}}}),
    }
    sys.modules["nodes"].NODE_CLASS_MAPPINGS.update(odd)
    prompt = {name: {"class_type": name, "inputs": {}} for name in odd}
    server.begin("a", prompt)
    assert prompts.current(prompt, "Schema").keeps is False


def test_numbers_that_continue_look_at_the_storage_and_at_this_run() -> None:
    run = prompts.Run()
    assert run.first(["key"], 0, 3, lambda: 99) == 0
    assert run.first(["key"], -1, 2, lambda: 99) == 100
    assert run.first(["key"], -1, 2, lambda: pytest.fail("the storage was listed again")) == 102
    assert run.first(["other"], -1, 0, lambda: None) == 0
    assert run.first(["other"], -1, 1, lambda: 7) == 8
