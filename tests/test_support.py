"""The test's own tools: what they promise to every other test."""

from __future__ import annotations

import ast
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.support.guard import only_loopback
from tests.support.machines import Machines, _namespace, _pids
from tests.support.patience import PATIENCE, wait_until
from tests.support.processes import free_ports, give_back
from tests.support.s3 import S3Server, _make_client

if TYPE_CHECKING:
    from tests.support.places import Place

ROOT = Path(__file__).parents[1]


def test_the_server_refuses_a_wrong_secret(s3_server: S3Server) -> None:
    client = _make_client(s3_server.endpoint_url, s3_server.key, "wrong")
    bucket = s3_server.new_prefix().split("/")[2]
    with pytest.raises(ClientError) as refused:
        client.put_object(Bucket=bucket, Key="x", Body=b"x")
    client.close()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_conditional_put_has_one_winner(s3_server: S3Server) -> None:
    url = s3_server.new_prefix() + "/frame.png"
    s3_server.write(url, b"first", IfNoneMatch="*")
    with pytest.raises(ClientError) as refused:
        s3_server.write(url, b"second", IfNoneMatch="*")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert s3_server.read(url) == b"first"


@pytest.mark.s3
@pytest.mark.parametrize("kill", [False, True])
def test_the_server_leaves_nothing_however_its_user_ends(kill: bool) -> None:
    code = """
import os, signal, sys
from tests.support.s3 import S3Server
server = S3Server().start()
print(server.pid, server.port, flush=True)
if sys.argv[1] == "True":
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(kill)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    pid, port = map(int, done.stdout.split())
    wait_until(lambda: not _listens(port) and not _runs(pid), f"the end of the server: {done.stderr!r}")


@pytest.mark.s3
def test_a_port_belongs_to_one_process_until_it_gives_it_back() -> None:
    """Also while nothing listens there, as a server that is down for a while needs it again."""
    (port,) = free_ports(1)
    code = f"from tests.support import processes as p; p._POSSIBLE = [{port}]; print(p.free_ports(1))"

    def other() -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)

    assert "no 1 free ports" in other().stderr
    give_back([port])
    wait_until(lambda: other().stdout == f"[{port}]\n", "the port")  # unless a test run beside this one has it now


def test_a_server_that_was_killed_comes_back_with_what_it_had(own_s3_server: S3Server) -> None:
    server = own_s3_server
    url, killed, port = server.new_prefix() + "/frame.png", server.pid, server.port
    server.write(url, b"kept")
    server.kill()
    assert not _runs(killed)
    assert not _listens(port)
    server.restart()
    assert server.pid != killed
    assert server.read(url) == b"kept"
    server.kill()
    server.stop()
    assert not _listens(port)


def test_the_tests_take_their_servers_from_fixtures() -> None:
    """Those mark what uses them, so that environments without the server leave it out."""
    for path in [*(ROOT / "tests").rglob("test_*.py"), *ROOT.glob("plugins/*/tests/**/test_*.py")]:
        text = path.read_text(encoding="utf-8")
        if "S3Server(" in text:
            calls = {ast.unparse(node.func) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)}
            assert "S3Server" not in calls, f"{path}: use own_s3_server"


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_place_is_empty_and_keeps_what_is_written(place: Place) -> None:
    assert place.names() == []
    place.write("sub/frame_00001 [x] #%41+ü.png", b"data")
    place.write("frame_00000.png", b"")
    assert place.names() == ["frame_00000.png", "sub/frame_00001 [x] #%41+ü.png"]
    assert place.read("sub/frame_00001 [x] #%41+ü.png") == b"data"


@pytest.mark.parametrize("first_or_second", [1, 2])
def test_memory_is_empty_for_every_test(first_or_second: int) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    assert MemoryFileSystem.store == {}
    MemoryFileSystem().pipe_file("/left/over", b"x")


def test_the_guard_refuses_other_hosts_even_when_the_error_is_swallowed() -> None:
    with only_loopback() as tried:
        with pytest.raises(ConnectionRefusedError), socket.socket() as probe:
            probe.connect(("192.0.2.1", 80))
        with pytest.raises(ConnectionRefusedError):
            socket.getaddrinfo("example.com", 80)
        socket.getaddrinfo("localhost", 80)
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", 1)) != 0
    assert tried == ["connect 192.0.2.1", "name look-up of example.com"]


SKIPPING = """
import pytest, sys
@pytest.mark.skipif(True, reason="only on Windows")
def test_platform(): pass
def test_package(): pytest.importorskip("no_such_package")
"""


def _pytest(folder: Path, *options: str, ci: str = "", **settings: Any) -> subprocess.CompletedProcess[str]:
    """Run the tests of another folder in a process of their own, with this project's conftest."""
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", *options, "--rootdir", str(folder), str(folder)]
    environment = {**os.environ, "CI": ci, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
    return subprocess.run(command, cwd=folder, env=environment, text=True, check=False, **settings)


@pytest.mark.parametrize(("ci", "summary"), [("true", "1 failed, 1 skipped"), ("", "2 skipped")])
def test_every_skip_fails_in_ci_but_one_for_the_platform(ci: str, summary: str, tmp_path: Path) -> None:
    (tmp_path / "test_skipping.py").write_text(SKIPPING)
    done = _pytest(tmp_path, "-q", ci=ci, capture_output=True)
    assert summary in done.stdout.splitlines()[-1], done.stdout


# The process of tests ends at its limit; the one that it has forked holds the pipe to the run open.
FORKING = """
import os, time
def test_still():
    if os.fork() == 0:
        while not os.path.exists({let_go!r}):
            time.sleep(0.05)
        os._exit(0)
    time.sleep(1e6)
"""
ENDLESS = """
import atexit, time
def last_step():
    time.sleep(1e6)
def test_fine():
    atexit.register(last_step)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only on systems with fork")
@pytest.mark.parametrize(
    ("code", "limit", "name", "options"),
    [(FORKING, 1, "test_still", ["--numprocesses=2"]), (ENDLESS, 3, "last_step", [])],
    ids=["forked in a test", "at the end"],
)
def test_a_run_that_stands_still_ends_and_names_the_place(
    code: str, limit: int, name: str, options: list[str], tmp_path: Path
) -> None:
    let_go = tmp_path / "let_go"
    (tmp_path / "test_standing.py").write_text(code.format(let_go=str(let_go)))
    (tmp_path / "conftest.py").write_text("from tests.support import watch\nwatch.MARGIN = 1.0\n")
    limits = ["-o", f"faulthandler_timeout={limit}", "-o", "faulthandler_exit_on_timeout=true"]
    with (tmp_path / "output").open("w+") as output:  # not a pipe, which what was forked would hold open too
        done = _pytest(tmp_path, *limits, *options, stdout=output, stderr=output, timeout=PATIENCE)
        let_go.touch()
        output.seek(0)
        text = output.read()
    assert done.returncode == 1
    assert name in text.partition("Timeout (")[2], text


# Two tests wait for what a thread was to do that has died, one by an event and one by looking again and again.
DYING = """
import threading
from tests.support.patience import PATIENCE, wait_until
done, late = threading.Event(), []
def die():
    raise ValueError("no such frame")
    done.set()
def test_waits():
    threading.Thread(target=die, name="the publisher").start()
    done.wait(PATIENCE)
def test_polls():
    threading.Thread(target=die, name="the encoder").start()
    wait_until(lambda: late)
def test_sound():
    threading.Thread(target=done.set).start()
    assert done.wait(PATIENCE)
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="only on systems with such timers")
def test_a_test_does_not_wait_for_a_thread_that_has_died(tmp_path: Path) -> None:
    (tmp_path / "test_dying.py").write_text(DYING)
    done = _pytest(tmp_path, "-q", capture_output=True, timeout=PATIENCE)
    assert "2 failed, 1 passed" in done.stdout.splitlines()[-1], done.stdout
    for name in ("the publisher", "the encoder"):
        assert f"still waiting after a thread has died: '{name}'" in done.stdout
    assert "no such frame" in done.stdout


def test_the_clip_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.support.clip import bigbuckbunny

    (tmp_path / "bigbuckbunny.mp4").write_bytes(b"already there")
    monkeypatch.setenv("SEQSAVE_TEST_CACHE", str(tmp_path))
    assert bigbuckbunny().read_bytes() == b"already there"
    monkeypatch.delenv("SEQSAVE_TEST_CACHE")
    assert bigbuckbunny().stat().st_size > 1_000_000


@pytest.mark.parametrize(
    "tests", sorted(path for path in ROOT.glob("plugins/*/tests") if path.is_dir()), ids=lambda path: path.parent.name
)
def test_examples_of_a_plugin_have_no_limit_of_time(tests: Path) -> None:
    if any("hypothesis" in path.read_text() for path in tests.glob("test_*.py")):
        shared = (tests / "conftest.py").read_text()
        imported = any(f"from {module} import" in shared for module in ("tests.conftest", "tests.support.of_plugins"))
        assert imported or "deadline=None" in shared


CHILDREN = """
import os, signal, socket, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection.sendall(f"{os.getpid()} {connection.getsockname()[1]} ".encode())
signal.pause()
"""


def test_a_lost_machine_ends_with_all_its_processes_and_another_one_takes_its_place() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        command = [sys.executable, "-c", CHILDREN, str(server.getsockname()[1])]
        with Machines(command, 1) as machines:
            connection, _ = server.accept()
            with connection:
                pid, port = map(int, connection.recv(100).split())
                assert pid == 1  # it is in a namespace of its own
                namespace = machines.of_connection(port, server.getsockname()[1])
                inside = [one for one in _pids() if _namespace(one, "pid") == namespace]
                assert len(inside) == 2
                machines.kill(namespace)
                assert connection.recv(1) == b""
            assert not any(_runs(one) for one in inside)
            connection, _ = server.accept()
            connection.close()
        assert machines.killed == [namespace]
