"""Which addresses a confined client may reach, and which URLs a redirect may lead to: the rules, without a network."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqsave import TargetError
from seqsave.targets import peers

SPECIAL = [
    *("127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.0.1", "224.0.0.1"),  # noqa: S104
    *("100.100.100.200", "168.63.129.16", "192.0.0.192", "::1", "::", "fe80::1", "fe80::1%eth0", "fd00:ec2::254"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "::127.0.0.1", "ff02::1"),
    *("64:ff9b:1::a9fe:a9fe", "2001::80ff:fffe"),
]
USUAL = ["192.168.1.5", "10.0.0.1", "93.184.216.34", "2001:db8::1", "fd12:3456::1", "100.64.0.1"]


@pytest.mark.parametrize("address", SPECIAL)
def test_special_addresses_need_their_name(address: str) -> None:
    assert not peers.is_allowed(address, [])
    assert not peers.is_allowed(address, ["renders.example", "10.0.0.1"])
    assert peers.is_allowed(address, ["renders.example", address])


@pytest.mark.parametrize("address", USUAL)
def test_other_addresses_are_free(address: str) -> None:
    assert peers.is_allowed(address, [])


def test_localhost_names_loopback_and_nothing_else() -> None:
    for host in ("localhost", "LOCALHOST.", "bucket.localhost"):
        assert peers.is_allowed("127.0.0.1", [host])
        assert peers.is_allowed("::1", [host])
        assert not peers.is_allowed("169.254.169.254", [host])
    assert not peers.is_allowed("127.0.0.1", ["localhost.example"])


@given(st.ip_addresses())
def test_one_special_address_does_not_name_another(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if address.is_loopback or address.is_link_local:
        others = {"127.255.1.2", "169.254.255.1"} - {str(address)}
        assert not peers.is_allowed(str(address), others)


@pytest.mark.parametrize(
    ("within", "url", "is_inside"),
    [
        ("https://h/a", "https://h/a", True),
        ("https://h/a", "https://h/a/b.png", True),
        ("https://h/a/", "https://H:443//a//b.png", True),
        ("https://h/a", "https://h/ab", False),
        ("https://h/a", "http://h/a/b", False),
        ("https://h/a", "https://h:444/a/b", False),
        ("https://h/a", "https://evil/a/b", False),
        ("https://h/a", "https://h.evil/a/b", False),
        ("https://h/a", "https://h@evil/a/b", False),
        ("https://h/a", "https://h/", False),
        ("https://h", "https://h/x/y", True),
        ("https://", "https://any/x", True),
        ("https://", "http://any/x", False),
        ("https://h/a", "https://h:nonsense/a", False),
        ("https://h/a", "https://[h/a", False),
    ],
)
def test_covers(within: str, url: str, is_inside: bool) -> None:
    assert peers.covers([within], url) is is_inside
    assert peers.covers(["ftp://other", within], url) is is_inside


@pytest.mark.parametrize("within", ["https://h", ["h/a"], [5], {"https://h": 5, "x": 1}])
def test_option_that_is_no_list_of_urls(within: object) -> None:
    with pytest.raises(TargetError, match="must be a list of URLs"):
        peers.checked_within({"within": within})


def test_option_that_is_left_out() -> None:
    assert peers.checked_within({}) == peers.checked_within({"within": None}) == ()


def test_a_client_whose_names_cannot_be_checked_is_refused() -> None:
    with pytest.raises(peers.PeerRefusedError):
        peers.keep_names_outside(object(), None)
