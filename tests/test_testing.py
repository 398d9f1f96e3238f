"""The kit is proven by encoders with one sin each: the check for that sin fails, and no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seqsave import testing
from seqsave.testing import EncoderSuite, _declaration, _pictures
from seqsave.types import Option
from tests.kit import TINY, suites

REPORTER = """
import json, os, pytest

class Reporter:
    def __init__(self):
        self.told = []

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            error = getattr(report.longrepr, "reprcrash", None)
            self.told.append((report.nodeid, report.outcome, error.message if error else ""))

reporter = Reporter()
arguments = ["-q", "--tb=line", "-p", "no:cacheprovider", "--noconftest", os.environ["SUITES"]]
status = pytest.main(arguments, plugins=[reporter])
with open(os.environ["REPORT"], "w") as file:
    json.dump({"status": int(status), "tests": reporter.told}, file)
"""

SUITES = [name for name in vars(suites) if name.startswith("Test")]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[str, str, str]]]:
    """For each suite: check, outcome and message of everything that ran in it."""
    report = tmp_path_factory.mktemp("kit") / "report.json"
    root = Path(__file__).parent.parent
    environment = {**os.environ, "SUITES": str(suites.__file__), "REPORT": str(report)}
    done = subprocess.run([sys.executable, "-c", REPORTER], cwd=root, env=environment, capture_output=True, text=True)
    assert report.exists(), done.stdout + done.stderr
    told: dict[str, list[tuple[str, str, str]]] = {name: [] for name in SUITES}
    for node, outcome, message in json.loads(report.read_text())["tests"]:
        _, suite, check = node.split("::", 2)
        told[suite].append((check, outcome, message))
    return told


@pytest.mark.parametrize("name", SUITES)
def test_each_sin_fails_its_own_check(reports: dict[str, list[tuple[str, str, str]]], name: str) -> None:
    suite = getattr(suites, name)
    failed = [(check, message) for check, outcome, message in reports[name] if outcome != "passed"]
    assert len(reports[name]) > 25
    for check, part in suite.fails.items():
        assert any(is_check(found, check) and part in message for found, message in failed), (check, failed)
    expected = (*suite.fails, *suite.may_fail)
    assert not [found for found, _ in failed if not any(is_check(found, check) for check in expected)], failed


def is_check(found: str, check: str) -> bool:
    """``test_metadata`` is each of its cases; ``test_`` is every check."""
    return check == "test_" or found == check or found.startswith(f"{check}[")


def test_nothing_is_skipped(reports: dict[str, list[tuple[str, str, str]]]) -> None:
    assert {outcome for ran in reports.values() for _, outcome, _ in ran} == {"passed", "failed"}


def test_every_check_is_seen_failing(reports: dict[str, list[tuple[str, str, str]]]) -> None:
    checks = {name for name in vars(EncoderSuite) if name.startswith("test_")}
    seen = {check.partition("[")[0] for name in SUITES for check in getattr(suites, name).fails}
    assert checks - seen == {"test_wrong_options", "test_frame_info"}  # below


def test_wrong_options_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(testing, "check_options", lambda spec, given: given)
    with pytest.raises(AssertionError, match="no_such_option=1 is accepted"):
        suites.TestSound().test_wrong_options()


def test_declared_range_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    real = testing.check_options

    def lenient(spec: Any, given: Any) -> Any:
        wide = {name: replace(option, max=None) for name, option in spec.options.items()}
        return real(replace(spec, options=wide), given)

    monkeypatch.setattr(testing, "check_options", lenient)
    with pytest.raises(AssertionError, match="level=10 is accepted"):
        suites.TestSound().test_wrong_options()


def test_an_encoder_that_needs_a_batch() -> None:
    class Suite(suites.TestSound):
        def encode(self, image: Any, encoder: Any = None, **named: Any) -> Any:
            assert named["info"].total is not None, "needs a total"
            return super().encode(image, encoder, **named)

    with pytest.raises(AssertionError, match="needs a total"):
        Suite().test_frame_info()


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
        finite = noise[noise == noise]
        assert finite.max() == float("inf")
        assert finite.min() == -float("inf")
        assert noise.size > finite.size
    else:
        assert noise.min() == 0
        assert noise.max() == _pictures.peak(dtype)
    assert (_pictures.smooth((9, 9), 4, dtype) == _pictures.smooth((65, 33), 4, dtype)[:9, :9]).all()
    alpha = _pictures.smooth((500, 500), 4, dtype)[..., 3] / _pictures.peak(dtype)
    assert 0 < alpha.min() < alpha.max() < 1


def test_psnr_by_hand() -> None:
    black = _pictures.smooth((4, 4), 1, "uint8") * 0
    assert _pictures.psnr(black, black) == float("inf")
    assert _pictures.psnr(black, black + 255) == 0
    assert round(_pictures.psnr(black, black + 1), 2) == 48.13  # 20 log10 255
