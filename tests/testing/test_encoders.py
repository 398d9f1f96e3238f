"""The kit is proven by encoders with one sin each: the check for that sin fails, and no other."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from seqsave.specs import Option
from seqsave.testing import EncoderSuite, _damage, _declaration, _encoding, _pictures
from tests.kit import TINY, suites
from tests.support.environment import FULL
from tests.support.patience import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

REPORTER = """
import json, os, pytest

class Reporter:
    def __init__(self):
        self.reported = []

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            error = getattr(report.longrepr, "reprcrash", None)
            self.reported.append((report.nodeid, report.outcome, error.message if error else ""))

reporter = Reporter()
arguments = ["-q", "--tb=line", "-p", "no:cacheprovider", "--noconftest"]
status = pytest.main([*arguments, *os.environ["SUITES"].splitlines()], plugins=[reporter])
report = os.environ["REPORT"]
with open(report + ".part", "w") as file:
    json.dump({"status": int(status), "tests": reporter.reported}, file)
os.replace(report + ".part", report)
"""

# What is installed for the suites: distribution and the module that its entry point names.
INSTALLED = {
    "tiny": "tests.kit",
    "tiny-one": "tests.kit.twice",
    "tiny-two": "tests.kit.twice",
    "tiny-parts": "tests.kit.parts",
}

SUITES = [name for name in vars(suites) if name.startswith("Test")]


# Each worker of a run takes one part of the suites after the other, so that none has to wait for another's work.
PARTS = 6


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[str, str, str]]]:
    """For each suite: check, outcome and message of everything that ran in it. Workers of one run share the work."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "kit"
    found: dict[str, list[tuple[str, str, str]]] = {name: [] for name in SUITES}
    for part in range(PARTS):
        with contextlib.suppress(FileExistsError):  # another worker has taken it
            (folder / str(part)).mkdir(parents=True)
            run_suites(folder / str(part), SUITES[part::PARTS])
    for part in range(PARTS):
        report = folder / str(part) / "report.json"
        wait_until(report.exists, "the report of the worker that runs this part of the suites")
        for node, outcome, message in json.loads(report.read_text())["tests"]:
            _, suite, check = node.split("::", 2)
            found[suite].append((check, outcome, message))
    return found


def run_suites(folder: Path, names: Sequence[str]) -> None:
    """Run the suites of these names, and leave the report of them in ``folder``."""
    root, report = Path(__file__).parents[2], folder / "report.json"
    for name, module in INSTALLED.items():
        record = folder / f"{name.replace('-', '_')}-1.0.dist-info"
        record.mkdir()
        (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (record / "entry_points.txt").write_text(f"[seqsave]\n{name} = {module}\n")
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))
    chosen = "\n".join(node for name in names for node in nodes_of(name))
    environment = {**os.environ, "SUITES": chosen, "REPORT": str(report), "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", REPORTER], cwd=root, env=environment, capture_output=True, text=True)
    assert report.exists(), done.stdout + done.stderr


def nodes_of(name: str) -> list[str]:
    """The checks of a suite that run: those that its sin fails, and in ``tox -e full`` all, so that no other one does.

    All of them always where there is no sin.
    """
    suite = getattr(suites, name)
    node = f"{suites.__file__}::{name}"
    if FULL or not suite.fails:
        return [node]
    return [f"{node}::{check}" for check in sorted({check.partition("[")[0] for check in suite.fails})]


@pytest.mark.parametrize("name", SUITES)
def test_each_sin_fails_its_own_check(reports: dict[str, list[tuple[str, str, str]]], name: str) -> None:
    suite = getattr(suites, name)
    failed = [(check, message) for check, outcome, message in reports[name] if outcome != "passed"]
    assert len(reports[name]) > (25 if FULL or not suite.fails else 0)
    for check, part in suite.fails.items():
        assert any(is_check(found, check) and part in message for found, message in failed), (check, failed)
    expected = (*suite.fails, *suite.may_fail)
    assert not [found for found, _ in failed if not any(is_check(found, check) for check in expected)], failed


# What an encoder cannot get wrong by itself; their turn is below.
NOT_OF_ENCODERS = {"test_wrong_options"}


@pytest.mark.parametrize("check", [name for name in vars(EncoderSuite) if name.startswith("test_")])
def test_each_check_has_a_sin_that_nothing_else_finds(check: str) -> None:
    alone = [
        name
        for name in SUITES
        if {found.partition("[")[0] for found in (*getattr(suites, name).fails, *getattr(suites, name).may_fail)}
        == {check}
    ]
    assert alone or check in NOT_OF_ENCODERS


def test_failures_say_what_to_do(reports: dict[str, list[tuple[str, str, str]]]) -> None:
    """Whatever the kit itself complains of names a remedy after what was seen."""
    reported = {message for ran in reports.values() for _, outcome, message in ran if outcome != "passed"}
    of_the_kit = [message for message in reported if message.startswith("AssertionError: ")]
    assert len(of_the_kit) > 50
    verbs = r"must|return|write|copy|embed|declare|install|import|set|add|keep|use|work on|read|goes|override|give|say"
    assert [message for message in of_the_kit if not re.search(rf"[:;,] .*\b({verbs})", message, re.DOTALL)] == []


def is_check(found: str, check: str) -> bool:
    """``test_metadata`` is each of its cases; ``test_`` is every check."""
    return check == "test_" or found == check or found.startswith(f"{check}[")


def test_nothing_is_skipped(reports: dict[str, list[tuple[str, str, str]]]) -> None:
    assert {outcome for ran in reports.values() for _, outcome, _ in ran} == {"passed", "failed"}


def test_wrong_options_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_encoding, "check_options", lambda spec, given: given)
    with pytest.raises(AssertionError, match="no_such_option=1 is accepted"):
        suites.TestSound().test_wrong_options()


def test_declared_range_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    real = _encoding.check_options

    def lenient(spec: Any, given: Any) -> Any:
        wide = {name: replace(option, max=None) for name, option in spec.options.items()}
        return real(replace(spec, options=wide), given)

    monkeypatch.setattr(_encoding, "check_options", lenient)
    with pytest.raises(AssertionError, match="level=10 is accepted"):
        suites.TestSound().test_wrong_options()


def test_a_suite_without_a_spec() -> None:
    class Nothing(EncoderSuite):
        pass

    with pytest.raises(TypeError, match="Nothing needs spec = "):
        Nothing().pytest_generate_tests(None)  # type: ignore[arg-type]


def test_no_pytest_at_run_time() -> None:
    """The kit itself runs under pytest, and is imported without it."""
    code = "import sys, seqsave.testing; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"encoder": "tests.kit.nowhere:Tiny"}, "ModuleNotFoundError"),
        ({"encoder": "tests.kit.codec:Nobody"}, "AttributeError"),
        ({"options": {"level": Option(type=int, default=1, help=" ")}}, "option 'level': help is missing"),
        ({"dtypes": ("half",)}, "dtypes holds ['half']"),
    ],
    ids=str,
)
def test_unsound_declarations(changes: dict[str, Any], part: str) -> None:
    found = _declaration.problems(replace(TINY, **changes))
    assert len(found) == 1, found
    assert part in found[0]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32"])
@pytest.mark.parametrize("size", [(1, 1), (65, 33)])
def test_the_pictures_are_what_they_say(dtype: str, size: tuple[int, int]) -> None:
    for picture in (_pictures.smooth(size, 4, dtype), _pictures.noise(size, 4, dtype)):
        assert picture.shape == (size[1], size[0], 4)
        assert picture.dtype == dtype
        assert picture.flags.c_contiguous
    noise = _pictures.noise((65, 33), 3, dtype)
    if dtype.startswith("float"):
        assert np.isfinite(noise).all()
        assert noise.min() < 0
        assert noise.max() > 1 or noise.size < 5
    else:
        assert noise.min() == 0
        assert noise.max() == _pictures.peak(dtype)
    assert (_pictures.smooth((9, 9), 4, dtype) == _pictures.smooth((65, 33), 4, dtype)[:9, :9]).all()
    alpha = _pictures.smooth((500, 500), 4, dtype)[..., 3] / _pictures.peak(dtype)
    assert 0 < alpha.min() < alpha.max() < 1


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_special_values_are_there_and_compared_bit_by_bit(dtype: str) -> None:
    values = _pictures.specials(dtype)
    assert values.dtype == dtype
    assert np.isnan(values).sum() == 1
    assert np.isinf(values).sum() == 2
    assert (np.signbit(values) & (values == 0)).sum() == 1
    assert len({value.tobytes() for value in values}) == len(values) == 12
    assert _pictures.changed(values, values) == []
    other = values.copy()
    other[3] = 0
    assert _pictures.changed(values, other) == ["-0.0 is 0.0"]


def test_damage_is_the_same_each_time_and_of_every_kind() -> None:
    sound = bytes(range(200))
    found = list(_damage.damaged(sound))
    assert found == list(_damage.damaged(sound))
    assert all(data != sound for what, data in found if "inverted" in what or "missing" in what)
    assert {len(data) for what, data in found if "set to" in what} == {200}
    assert min(len(data) for _, data in found) < 200 < max(len(data) for _, data in found)
    assert list(_damage.damaged(b"x")) != []
    assert _damage.cuts(1) == [0]
    assert _damage.cuts(5000)[-16:] == list(range(4984, 5000))


def test_psnr_by_hand() -> None:
    black = _pictures.smooth((4, 4), 1, "uint8") * 0
    assert _pictures.psnr(black, black) == float("inf")
    assert _pictures.psnr(black, black + 255) == 0
    assert round(_pictures.psnr(black, black + 1), 2) == 48.13  # 20 log10 255
