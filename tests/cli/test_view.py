"""``seqsave view``: the program, its address, and its end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqsave as library
from seqsave.cli import view
from tests.cli.runner import COMMAND, options, seqsave
from tests.support.patience import PATIENCE
from tests.support.places import Place
from tests.support.proxy import Proxy
from tests.support.s3 import S3Server


def save(place: Any, **settings: Any) -> None:
    library.save(np.full((3, 8, 8, 3), 0.5, np.float32), place, filetype="png", **settings)


@contextmanager
def viewing(*arguments: Any, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [*COMMAND, "view", *map(str, arguments), "--no-open"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        preexec_fn=lambda: [signal.signal(one, signal.SIG_DFL) for one in (signal.SIGINT, signal.SIGHUP)],
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_it_serves_until_a_signal(tmp_path: Path, number: str) -> None:
    save(tmp_path)
    with viewing(tmp_path) as (process, url):
        assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+/[A-Za-z0-9_-]{32}/", url)
        with urllib.request.urlopen(f"{url}0/f/1/half.jpg", timeout=PATIENCE) as answer:
            assert answer.read(2) == b"\xff\xd8"
        with urllib.request.urlopen(f"{url}events", timeout=PATIENCE) as stream:
            assert stream.readline() == b": open\n"
            process.send_signal(getattr(signal, number))
            out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (0, "")
    assert err == "1 sequence; Ctrl-C ends the server\n"


@pytest.mark.parametrize("place", ["local", pytest.param("s3", marks=pytest.mark.s3)], indirect=True)
def test_from_each_storage_that_processes_share(place: Place) -> None:
    save(place.url, storage_options=place.storage_options)
    with viewing(place.url, *options(place)) as (_, url), urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        assert b"<html" in answer.read()


def test_it_ends_while_a_storage_hangs(s3_server: S3Server) -> None:
    url = s3_server.new_prefix()
    save(url, storage_options=s3_server.storage_options)
    with Proxy(s3_server.endpoint_url) as proxy:
        hung = proxy.stall(methods=("GET",), path="frame_0000[12]")
        arguments = [f"--storage-option={name}={value}" for name, value in s3_server.storage_options.items()]
        with viewing(url, *arguments, f"--storage-option=endpoint_url={proxy.endpoint_url}") as (process, address):
            with socket.create_connection(("127.0.0.1", int(address.split(":")[2].split("/")[0]))) as client:
                path = "/" + address.split("/", 3)[3]
                client.sendall(f"GET {path}0/f/1/half.jpg HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                assert hung.reached.wait(PATIENCE)
                process.terminate()
                _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "Traceback" not in err


def test_a_busy_port_is_one_line(tmp_path: Path) -> None:
    save(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        result = seqsave("view", tmp_path, "--no-open", "--port", port, status=1)
    assert result.err.splitlines()[-1] == (
        f"seqsave: error: port {port} is in use: give another one, or none for a free one"
    )


def test_nothing_to_see(tmp_path: Path) -> None:
    assert "does not exist" in seqsave("view", tmp_path / "nothing", "--no-open", status=1).err
    assert "no sequence in" in seqsave("view", tmp_path, "--no-open", status=1).err


def test_the_line_for_a_tunnel(tmp_path: Path) -> None:
    save(tmp_path)
    with viewing(tmp_path, SSH_CONNECTION="192.0.2.1 51000 192.0.2.7 2222") as (process, url):
        port = url.split(":")[2].split("/")[0]
        process.terminate()
        _, err = process.communicate(timeout=PATIENCE)
    assert re.search(rf"ssh -N -L {port}:127\.0\.0\.1:{port} -p 2222 \S*192\.0\.2\.7\n", err)


def test_frames_without_a_proxy_of_their_present_file_are_named_once(tmp_path: Path) -> None:
    save(tmp_path, proxies=True)
    for index in (1, 2):
        (tmp_path / f"frame_{index:05}.png").write_bytes((tmp_path / "frame_00000.png").read_bytes() + b" ")
    with viewing(tmp_path) as (process, url):
        for index in (0, 1, 2, 1):
            urllib.request.urlopen(f"{url}0/f/{index}/half.jpg", timeout=PATIENCE).close()
        process.terminate()
        _, err = process.communicate(timeout=PATIENCE)
    (named,) = (line for line in err.splitlines() if "proxies" in line)
    assert "frame_#####.png in" in named
    assert "frame 1 has none of its present file" in named
    assert "'seqsave proxies' stores what is lacking" in named


def test_behind_a_proxy_its_address_is_printed_and_its_host_is_answered(tmp_path: Path) -> None:
    save(tmp_path)
    behind = "https://hub.example:8443/user/me/proxy/{port}"
    with viewing(tmp_path, "--behind", behind, SSH_CONNECTION="192.0.2.1 51000 192.0.2.7 2222") as (process, url):
        found = re.fullmatch(r"https://hub\.example:8443/user/me/proxy/([0-9]+)/([A-Za-z0-9_-]{32})/", url)
        assert found
        real = f"http://127.0.0.1:{found[1]}/{found[2]}/"
        for host in ("hub.example:8443", "localhost"):
            request = urllib.request.Request(real, headers={"Host": host})
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                assert answer.status == 200
        process.terminate()
        _, err = process.communicate(timeout=PATIENCE)
    assert "ssh -N" not in err


@pytest.mark.parametrize("address", ["hub.example", "ftp://hub.example/", "https:///x", "https://me:pw@hub.example/"])
def test_behind_something_else_is_refused(tmp_path: Path, address: str) -> None:
    save(tmp_path)
    result = seqsave("view", tmp_path, "--no-open", "--behind", address, status=2)
    assert "it must be the address of a proxy" in result.err
    assert "pw" not in result.err


@pytest.mark.parametrize(
    ("environment", "opens"),
    [
        ({}, False),
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "a 1 b 22"}, False),
        ({"SSH_CONNECTION": "a 1 b 22", "BROWSER": "remote-open"}, True),
    ],
)
def test_a_browser_is_opened_where_a_person_sees_it(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], opens: bool
) -> None:
    monkeypatch.setattr(view.sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert view._has_browser() is opens
