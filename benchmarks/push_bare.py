"""The bare loop beside the relay: `python -m benchmarks.push_bare FILE CONCURRENCY`.

Posts what FILE holds, one JSON document a line with `url`, `body` and `headers`, by httpx and
nothing else; prints the seconds from the first request to the last answer.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx


async def post_all(posts: list[dict[str, Any]], concurrency: int) -> float:
    """Post all, so many at once; the seconds that it took."""
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with httpx.AsyncClient(limits=limits, timeout=15, trust_env=False) as client:
        waiting, began = iter(posts), time.monotonic()
        await asyncio.gather(*(_work(client, waiting) for _ in range(concurrency)))
        return time.monotonic() - began


async def _work(client: httpx.AsyncClient, waiting: Iterator[dict[str, Any]]) -> None:
    for each in waiting:
        content = each["body"].encode()
        answer = await client.post(each["url"], content=content, headers=each["headers"])
        answer.raise_for_status()


def main() -> None:
    """Post what the file holds, and print the seconds."""
    posts = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    print(asyncio.run(post_all(posts, int(sys.argv[2]))))


if __name__ == "__main__":
    main()
