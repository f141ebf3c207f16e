"""Small bodies that become large: packed zeros, pictures of many pixels, and many such pictures in one body."""

import asyncio
import base64
import gzip
import io
import json
from collections import Counter

from PIL import Image

from torchferry.benchmarks.hostile.connection import Connection
from torchferry.benchmarks.hostile.valid import Request, Valid
from torchferry.benchmarks.hostile.where import Where

SIDE = 7071
"""Pixels of a picture just within 50 million, the limit of one picture."""
LARGE = 1024  # pictures in the largest body; 1-bit ones of 6 kB each
FEW = 60
ALLOWED = 4
PATIENCE = 60.0
AGAIN = 0.2  # seconds between two


async def attack(where: Where, counted: Counter[str]) -> None:
    """Each kind over a connection of its own, again when it was answered. The answers are counted by kind."""
    await asyncio.gather(*(_throw(where, name, request, counted) for name, request in bombs(where.valid).items()))


def bombs(valid: Valid) -> dict[str, Request]:
    predict, zeros = valid.predict.path, gzip.compress(bytes(64 * 2**20), mtime=0)
    made = {
        "zeros": Request(path=predict, body=zeros, headers={"Content-Encoding": "gzip"}),
        "zeros twice": Request(path=predict, body=gzip.compress(zeros, mtime=0), headers={"Content-Encoding": "gzip"}),
        "deep": Request(path=predict, body=b'{"instances": ' + b"[" * 1_000_000, headers={}),
        "numbers": Request(path=predict, body=b'{"instances": [[' + b"0," * 4_000_000 + b"0]]}", headers={}),
    }
    if valid.picture:
        file = picture()
        made["picture"] = Request(path=predict, body=file)
        for count in (ALLOWED, FEW, LARGE):
            made[f"{count} pictures"] = Request(path=predict, body=_body(file, count))
    return made


def picture() -> bytes:
    Image.new("1", (SIDE, SIDE)).save(file := io.BytesIO(), "PNG", optimize=True)
    return file.getvalue()


def _body(file: bytes, count: int) -> bytes:
    return json.dumps({"instances": [{"b64": base64.b64encode(file).decode()}] * count}).encode()


async def _throw(where: Where, name: str, request: Request, counted: Counter[str]) -> None:
    whole = request.raw()
    while True:
        try:
            async with Connection.to(where) as connection:
                counted[f"{name} {await connection.exchange(whole, PATIENCE)}"] += 1
        except OSError as error:
            counted[f"{name} {type(error).__name__}"] += 1
        await asyncio.sleep(AGAIN)
