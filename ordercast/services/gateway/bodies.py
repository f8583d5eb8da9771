"""Bodies as they came, byte by byte: what is read of them is decided, and told, by intake."""

from typing import Annotated

from fastapi import Depends, Request


async def _raw_body(request: Request) -> bytes:
    return await request.body()


RawBody = Annotated[bytes, Depends(_raw_body)]
