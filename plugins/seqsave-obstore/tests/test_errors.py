"""What obstore's texts mean. The texts of the connection that never comes about are the two that its clocks give."""

from __future__ import annotations

import errno

import pytest
from seqsave_obstore.errors import explained

HEAD = "Generic S3 error: Error performing PUT http://host:1/b/a in 0.5s - HTTP error: error sending request\n"
CONNECTOR = 'Error(\n Connect,\n ConnectError(\n "tcp connect error",\n Custom {\n kind: TimedOut,\n error: Elapsed('
CLIENT = "Error(\n Connect,\n TimedOut,\n)"
ANSWER = "HttpError {\n kind: Timeout,\n source: reqwest::Error {\n kind: Request,\n source: TimedOut,"


@pytest.mark.parametrize(
    ("text", "number"),
    [(CONNECTOR, errno.EHOSTUNREACH), (CLIENT, errno.EHOSTUNREACH), (ANSWER, errno.ETIMEDOUT)],
)
def test_a_connection_and_an_answer_that_take_too_long_differ(text: str, number: int) -> None:
    error = explained(OSError(HEAD + text))
    assert isinstance(error, OSError)
    assert error.errno == number
    assert "host:1" in str(error)
