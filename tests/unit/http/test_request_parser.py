"""Requests in pieces: what is read of a connection's bytes, however they are cut, and what never is."""

from __future__ import annotations

import pytest

from reverser.http.request_parser import Mark, Piece, RequestHead, Requests
from reverser.http.response import Framing, Reply

LIMIT = 1000
POST = b"POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
GET = b"GET /second HTTP/1.1\r\nHost: x\r\n\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"


def read(*parts: bytes) -> list[Piece]:
    """The pieces, with neighbouring parts of a body as one."""
    requests, found = Requests(LIMIT), list[Piece]()
    for part in parts:
        requests.feed(part)
    for piece in requests.pieces:
        if found and isinstance(piece, bytes) and isinstance(found[-1], bytes):
            found[-1] += piece
        else:
            found.append(piece)
    return found


def head(*pieces: Piece) -> RequestHead:
    assert isinstance(pieces[0], RequestHead)
    return pieces[0]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_cuts_make_no_difference(size: int) -> None:
    """Requests that follow each other are read the same byte by byte and in one."""
    whole = POST + GET
    first, body, end, second, last = read(*[whole[at : at + size] for at in range(0, len(whole), size)])

    assert head(first) == RequestHead(
        "POST", b"/a?b", "1.1", [(b"host", b"x"), (b"content-length", b"5")], lasting=True, waiting=False
    )
    assert (body, end, last) == (b"hello", Mark.END, Mark.END)
    assert head(second).target == b"/second"


def test_chunks_are_unpacked_and_trailers_left_out() -> None:
    """Of a chunked body only the body is told."""
    _, body, end = read(CHUNKED + b"3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nHost: forged\r\n\r\n")

    assert (body, end) == (b"hello", Mark.END)


@pytest.mark.parametrize(
    "odd",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
        b"GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n" + UPGRADE + b"\r\nhello",
    ],
)
def test_what_is_no_request_is_bad(odd: bytes) -> None:
    """Whatever two readers could understand in two ways, or not at all."""
    assert read(odd)[0] is Mark.BAD


def test_a_request_for_an_upgrade_is_the_last_one() -> None:
    """It is read as a request of HTTP/1.1; what follows it belongs to nobody."""
    first, end = read(b"GET / HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"\r\n" + GET)

    assert (head(first).target, head(first).lasting, end) == (b"/", False, Mark.END)


@pytest.mark.parametrize(
    "beginning", [b"GET /", b"GET / HTTP/1.1\r\nA: ", CHUNKED + b"5;a=", CHUNKED + b"0\r\nA: "]
)
def test_what_brings_nothing_is_bounded(beginning: bytes) -> None:
    """An endless target, header, extension or trailer is given up."""
    pieces = read(beginning, *[b"x" * 100] * (LIMIT // 100 + 1))

    assert Mark.LONG in pieces


def test_a_body_may_be_longer() -> None:
    """The limit of a request's head is none of its body."""
    _, *parts, end = read(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n", *[b"x" * 100] * 50)

    assert (parts, end) == ([b"x" * 5000], Mark.END)


async def test_a_short_answer_is_sent_at_once() -> None:
    """Head and body are one send, so that they are one packet and one TLS record."""
    sent = list[bytes]()

    async def write(data: bytes) -> None:
        sent.append(data)

    reply = Reply(head(*read(GET)), write, [(b"date", b"today")])
    await reply.refuse(503)

    assert sent == [
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\ndate: today\r\nconnection: close\r\n\r\n"
    ]


def test_a_header_cannot_become_two() -> None:
    """A line break in a header is a mistake of the application, and is not sent."""
    for value in (b"a\r\nset-cookie: b", b"a\nb", b"a\rb"):
        with pytest.raises(ValueError, match="line break"):
            Framing(head(*read(GET)), 200, [(b"x", value)], last=False)
