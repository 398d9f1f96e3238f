"""The proxy and the server that drops bodies: HTTP is passed on right, and each fault is what it says."""

from __future__ import annotations

import contextlib
import gc
import http.client
import socket
import sys
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError

from tests.support.patience import PATIENCE, wait_until
from tests.support.processes import Served, cpu_seconds
from tests.support.proxy import Proxy, _Connection
from tests.support.s3 import S3Server, _make_client, _split

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.s3


@pytest.fixture
def client(proxy: Proxy, s3_server: S3Server) -> Iterator[Any]:
    made = _make_client(proxy.endpoint_url, s3_server.key, s3_server.secret, expect=True)
    yield made
    made.close()


@pytest.fixture
def place(s3_server: S3Server) -> dict[str, str]:
    """Bucket and Key for one object."""
    bucket, key = _split(s3_server.new_prefix())
    return {"Bucket": bucket, "Key": key + "/frame 00001 [ü]#%41+.png"}


def put(client: Any, place: dict[str, str], data: bytes = b"x" * 1000) -> None:
    client.put_object(**place, Body=data)


def get(client: Any, place: dict[str, str]) -> bytes:
    return bytes(client.get_object(**place)["Body"].read())


def test_requests_pass_unchanged_and_are_recorded(proxy: Proxy, client: Any, place: dict[str, str]) -> None:
    data = bytes(range(256)) * 40_000
    put(client, place, data)
    assert get(client, place) == data
    assert client.head_object(**place)["ContentLength"] == len(data)
    assert client.list_objects_v2(Bucket=place["Bucket"], Prefix=place["Key"])["KeyCount"] == 1
    client.delete_object(**place)
    assert [(one.method, one.status) for one in proxy.requests] == [
        ("PUT", 200),
        ("GET", 200),
        ("HEAD", 200),
        ("GET", 200),
        ("DELETE", 204),
    ]
    first = proxy.requests[0]
    assert first.path == "/{Bucket}/{Key}".format(**place)
    assert first.size == len(data)
    assert first.headers["host"] == proxy.endpoint_url.removeprefix("http://")
    assert first.headers["expect"] == "100-continue"
    assert proxy.count("PUT", r"frame 00001") == 1
    assert proxy.connections == 1  # kept alive


def test_chunked_bodies_pass_both_ways() -> None:
    with _Echo() as echo, Proxy(echo.url) as proxy:
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port)
        for _ in range(2):
            connection.request("PUT", "/x", iter([b"one", b"two" * 100_000, b"3"]), encode_chunked=True)
            assert connection.getresponse().read() == b"one" + b"two" * 100_000 + b"3"
        connection.close()
    assert [one.size for one in proxy.requests] == [300_004, 300_004]


def test_latency_is_a_round_trip_and_a_new_connection_costs_another(
    proxy: Proxy, client: Any, place: dict[str, str]
) -> None:
    proxy.latency = 0.2
    # A handshake, the wait for 100 Continue and the reply; then the last two.
    assert _seconds(put, client, place) >= 0.6
    assert _seconds(put, client, place) >= 0.4


def test_bandwidth_is_shared(proxy: Proxy, client: Any, place: dict[str, str]) -> None:
    put(client, place)
    proxy.bandwidth = 2e6
    assert _seconds(put, client, place, b"x" * 1_000_000) >= 0.45
    assert _seconds(get, client, place) >= 0.45


def test_slow_down_for_the_first_requests_of_each_key(proxy: Proxy, client: Any, place: dict[str, str]) -> None:
    fault = proxy.slow_down(first=2)
    for key in ("a", "b"):
        for _ in range(2):
            with pytest.raises(ClientError) as refused:
                put(client, {**place, "Key": place["Key"] + key})
            assert refused.value.response["Error"]["Code"] == "SlowDown"
            assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        put(client, {**place, "Key": place["Key"] + key})
    assert fault.hits == 4
    assert [one.status for one in proxy.requests] == [503, 503, 200] * 2


def test_a_fault_may_spare_the_first_requests(proxy: Proxy, client: Any, place: dict[str, str]) -> None:
    proxy.slow_down(spare=2, first=1)
    put(client, place)
    put(client, place)
    with pytest.raises(ClientError, match="SlowDown"):
        put(client, place)
    put(client, place)


def test_a_fault_may_end_after_some_requests(proxy: Proxy, client: Any, place: dict[str, str]) -> None:
    fault = proxy.slow_down(times=1)
    with pytest.raises(ClientError, match="SlowDown"):
        put(client, place)
    put(client, {**place, "Key": place["Key"] + "b"})
    assert (fault.hits, fault.last) == (1, proxy.requests[0])


def test_faults_by_chance_and_for_some_paths_only(proxy: Proxy, client: Any, place: dict[str, str]) -> None:
    proxy.answer(500, "InternalError", probability=0.5, path="frame", methods=("GET",))
    put(client, place)
    for _ in range(20):
        with contextlib.suppress(ClientError):
            get(client, place)
    assert {one.status for one in proxy.requests if one.method == "GET"} == {200, 500}
    proxy.clear()
    assert proxy.requests == []
    assert [len(get(client, place)) for _ in range(10)] == [1000] * 10


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_reset_in_mid_body_leaves_no_object(
    proxy: Proxy, client: Any, s3_server: S3Server, place: dict[str, str]
) -> None:
    proxy.reset(first=1)
    with pytest.raises((ConnectionClosedError, EndpointConnectionError)):
        put(client, place, b"x" * 5_000_000)
    with pytest.raises(ClientError, match=r"404|NoSuchKey"):
        get(s3_server.client, place)
    put(client, place, b"y" * 5_000_000)
    assert get(client, place) == b"y" * 5_000_000


def test_a_reset_of_a_reply(proxy: Proxy, client: Any, place: dict[str, str]) -> None:
    put(client, place, b"x" * 5_000_000)
    proxy.reset(first=1, methods=("GET",))
    with pytest.raises(Exception, match=r"[Cc]onnection|[Rr]ead|reset"):
        get(client, place)
    assert get(client, place) == b"x" * 5_000_000


def test_a_lost_reply_has_been_committed(proxy: Proxy, client: Any, s3_server: S3Server, place: dict[str, str]) -> None:
    proxy.lose_reply(first=1)
    with pytest.raises(ConnectionClosedError):
        put(client, place, b"committed")
    assert proxy.requests[0].status is None
    assert get(s3_server.client, place) == b"committed"


def test_a_stall_is_silence(proxy: Proxy, s3_server: S3Server) -> None:
    proxy.stall(methods=("GET",))
    with socket.create_connection(("127.0.0.1", proxy.port)) as raw:
        raw.settimeout(0.5)
        raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(TimeoutError):
            raw.recv(1)


def test_a_cut_request_has_reached_the_store_by_half(
    proxy: Proxy, client: Any, s3_server: S3Server, place: dict[str, str]
) -> None:
    put(client, place, b"old")
    fault = proxy.cut(first=1, seconds=0.1)
    with pytest.raises(ConnectionClosedError):
        put(client, place, bytes(300_000))
    assert fault.reached.is_set()
    assert proxy.requests[-1].size == 150_000
    assert s3_server.read("s3://{Bucket}/{Key}".format(**place)) == b"old"
    put(client, place, b"new")
    assert get(client, place) == b"new"


def test_silence_ends_when_the_client_leaves(proxy: Proxy, s3_server: S3Server, place: dict[str, str]) -> None:
    fault = proxy.lose_reply(seconds=600)
    with socket.create_connection(("127.0.0.1", proxy.port)) as leaving:
        leaving.sendall(b"PUT /x HTTP/1.1\r\nHost: %b\r\nContent-Length: 0\r\n\r\n" % s3_server.host.encode())
        assert fault.reached.wait(PATIENCE)
    wait_until(lambda: proxy.serving == 0, "the end of the connection")


def test_no_transport_is_left_when_the_proxy_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is left is reported by the collector, in whichever test runs then."""
    made: list[_Connection] = []
    monkeypatch.setattr("tests.support.proxy._Connection", lambda *given: made.append(_Connection(*given)) or made[-1])
    with (
        warnings.catch_warnings(record=True) as caught,
        socket.create_server(("127.0.0.1", 0)) as store,
        socket.socket() as client,
    ):
        warnings.simplefilter("always", ResourceWarning)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # what it does not read stays in the proxy

        def answer() -> None:
            with contextlib.suppress(OSError), store.accept()[0] as connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + bytes(100_000_000))

        thread = threading.Thread(target=answer)
        thread.start()
        with Proxy(f"http://127.0.0.1:{store.getsockname()[1]}") as proxy:
            client.connect(("127.0.0.1", proxy.port))
            client.sendall(b"GET /b/x HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_until(lambda: made and made[0].writer.transport.get_write_buffer_size(), "bytes left in the proxy")
        thread.join(PATIENCE)
        del proxy
        made.clear()
        gc.collect()
    assert [str(one.message) for one in caught] == []


def test_a_late_answer_is_the_stores_own(proxy: Proxy, client: Any, s3_server: S3Server, place: dict[str, str]) -> None:
    proxy.delay(seconds=0.4, methods=("PUT",))
    began = time.monotonic()
    put(client, place, b"late")
    assert time.monotonic() - began >= 0.4
    assert s3_server.read("s3://{Bucket}/{Key}".format(**place)) == b"late"


def test_a_request_that_is_held_reaches_the_store_when_it_may_go_on(
    proxy: Proxy, client: Any, s3_server: S3Server, place: dict[str, str]
) -> None:
    held = proxy.hold()
    thread = threading.Thread(target=put, args=(client, place, b"held"))
    thread.start()
    assert held.reached.wait(PATIENCE)
    assert place["Key"] not in s3_server.keys("s3://{Bucket}".format(**place))
    held.may_go_on.set()
    thread.join(PATIENCE)
    assert place["Key"] in s3_server.keys("s3://{Bucket}".format(**place))
    assert get(s3_server.client, place) == b"held"


def test_no_hundred_continue_when_the_store_refuses_by_the_head(proxy: Proxy) -> None:
    """The outer proxy passes on what the inner one, as the store, answers to the head alone."""
    proxy.answer(403, "AccessDenied")
    with Proxy(proxy.endpoint_url) as outer, socket.create_connection(("127.0.0.1", outer.port)) as raw:
        raw.settimeout(PATIENCE)
        raw.sendall(b"PUT /b/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        heard = b"".join(iter(lambda: raw.recv(1000), b""))
    assert heard.startswith(b"HTTP/1.1 403 ")
    assert b"<Code>AccessDenied</Code>" in heard
    assert [one.status for one in outer.requests] == [403]


def test_the_proxy_as_a_process_of_its_own(s3_server: S3Server, place: dict[str, str]) -> None:
    with Served("tests.support.proxy", s3_server.endpoint_url, "--latency=0.1") as served:
        client = _make_client(served.hello["endpoint_url"], s3_server.key, s3_server.secret, expect=True)
        assert _seconds(put, client, place) >= 0.3
        client.close()
        assert cpu_seconds(served.pid) > 0
        last = served.stop()
    assert last["requests"] == 1
    assert last["cpu"] > 0


def test_the_null_server_takes_every_put(place: dict[str, str]) -> None:
    with Served("tests.support.null_s3", "--latency=0.05") as served:
        client = _make_client(served.hello["endpoint_url"], "any", "key", expect=True)
        assert _seconds(put, client, place, b"x" * 3_000_000) >= 0.15
        put(client, place, b"")
        with pytest.raises(ClientError, match="AccessDenied"):  # it keeps nothing that it could list
            client.list_objects_v2(Bucket=place["Bucket"])
        client.close()
        last = served.stop()
    assert (last["requests"], last["bytes"]) == (3, 3_000_000)


def test_a_server_that_does_not_start_says_so() -> None:
    with pytest.raises(RuntimeError, match=r"tests\.support\.proxy did not start"):
        Served("tests.support.proxy", "--no-such-option")


def _seconds(function: Any, *arguments: Any) -> float:
    start = time.monotonic()
    function(*arguments)
    return time.monotonic() - start


class _Echo:
    """Answers a chunked request with the same body, chunked."""

    def __enter__(self) -> _Echo:
        import threading
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self) -> None:
                chunks = []
                while size := int(self.rfile.readline(), 16):
                    chunks.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for chunk in chunks:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def test_a_connection_that_it_has_not_accepted_when_it_ends_is_closed() -> None:
    """A socket that is left to the collector fails the test that runs then."""
    left: list[Any] = []
    with pytest.MonkeyPatch.context() as patched, warnings.catch_warnings():
        patched.setattr(sys, "unraisablehook", left.append)
        warnings.simplefilter("error", ResourceWarning)
        for _ in range(20):
            with contextlib.ExitStack() as clients:
                with Proxy("http://127.0.0.1:9") as proxy:
                    for _ in range(30):
                        client = clients.enter_context(socket.socket())
                        client.setblocking(False)
                        client.connect_ex(("127.0.0.1", proxy.port))
            gc.collect()
    assert left == []
