"""`ordercast archive buckets`: what holds for the bucket of each tag, and what should."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from config.bucket_rules import NO_RULES
from config.settings import settings
from config.tags import tag_rules
from ordercast.archive.naming import bucket_name
from ordercast.archive.objects import Buckets, BucketState, Difference
from ordercast.cli.archive_by_block import default_archive
from ordercast.cli.showing import complain
from ordercast.domain.errors import OrdercastError


@dataclass(frozen=True)
class TagBucket:
    """A primary tag, its bucket, and how that stands."""

    tag: str
    bucket: str
    state: BucketState


def buckets(
    tag: Annotated[
        list[str] | None, typer.Option("--tag", "-t", help="Of this primary tag; repeat it.")
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Mend what differs, as far as it can be mended.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As a JSON array.")] = False,
) -> None:
    """Show the bucket of each tag and where it differs from tags.yaml; exit 1 if one does."""
    tags = _tags(tag or [])
    found = default_archive().buckets
    if found is None:
        return _directory(tags)
    seen = [_look(found, each, apply=apply) for each in tags]
    if as_json:
        print(json.dumps([_as_json(each) for each in seen], ensure_ascii=False, indent=2))
    else:
        _show(seen)
    raise typer.Exit(1 if any(each.state.differences for each in seen) else 0)


def _tags(wanted: Sequence[str]) -> Sequence[str]:
    known = tag_rules().primary_tags
    for each in wanted:
        if each not in known:
            raise typer.BadParameter(f"{each!r} is no primary tag; there are {', '.join(known)}")
    return wanted or known


def _directory(tags: Sequence[str]) -> None:
    asked = [tag for tag in tags if tag_rules().bucket_rules(tag) != NO_RULES]
    print("The archive is a directory: lock, versioning and lifecycle are for S3 servers.")
    if asked:
        complain(f"tags.yaml asks for them, without effect, for {', '.join(asked)}")
        raise typer.Exit(1)


def _look(found: Buckets, tag: str, *, apply: bool) -> TagBucket:
    bucket = bucket_name(settings().archive.bucket_prefix, tag)
    rules = tag_rules().bucket_rules(tag)
    try:
        state = found.state(bucket, rules)
        if apply and any(each.by_apply for each in state.differences):
            found.apply(bucket, rules)
            state = found.state(bucket, rules)
    except OrdercastError as fault:
        told = Difference(str(fault), "mend what it says", by_apply=False)
        state = BucketState(exists=True, differences=(told,))
    return TagBucket(tag, bucket, state)


def _show(seen: Sequence[TagBucket]) -> None:
    table = Table("tag", "bucket", "is", "differs from tags.yaml", "cure")
    for each in seen:
        differences = each.state.differences
        table.add_row(
            each.tag,
            Text(each.bucket, overflow="fold"),
            Text("\n".join(_facts(each.state))),
            Text("\n".join(difference.what for difference in differences)),
            Text("\n".join(dict.fromkeys(difference.cure for difference in differences))),
        )
    Console().print(table)
    differing = sum(1 for each in seen if each.state.differences)
    print(f"{len(seen)} tags, {differing} differ")


def _facts(state: BucketState) -> Iterator[str]:
    if not state.exists:
        yield "not there yet: its first order makes it"
    yield from state.facts


def _as_json(each: TagBucket) -> dict[str, Any]:
    return {"tag": each.tag, "bucket": each.bucket, **asdict(each.state)}
