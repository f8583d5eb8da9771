"""The rules of classification, from the file that operators edit."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from config.bucket_rules import NO_RULES, BucketRules, BucketShape, bucket_rules, check_buckets
from config.documents import OneOrMany, Shape, fault, load, one_of
from config.settings import settings
from config.yaml_document import Fault, Location
from ordercast.domain.classify import TagRule
from ordercast.domain.order import FINAL_ORDER_STATES, ItemAction

FACTS: Mapping[str, tuple[str, ...]] = {
    "agent": (),
    "channel": ("agent", "public", "internet", "iot"),
    "category": (),
    "product": (),
    "action": tuple(ItemAction),
    "region": (),
    "priority": ("0", "1", "2", "3", "4"),
    "state": tuple(sorted(FINAL_ORDER_STATES)),
    "lines": (),
    "batch": ("true", "false"),
}
"""Each fact that a rule may ask for, and its possible values; none where anything may come."""

_BUCKET = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_BUCKET_LENGTH = 40


def _tag(written: str) -> str:
    if len(written) > _BUCKET_LENGTH or not _BUCKET.fullmatch(written):
        cure = f"use at most {_BUCKET_LENGTH} lower-case letters, digits and hyphens: `iot-fleet`"
        raise fault(f"is no tag: {written!r}", cure)
    return written


Tag = Annotated[str, AfterValidator(_tag)]


class RuleShape(Shape):
    """A tag and when it applies."""

    tag: Tag = Field(description="the tag, fit for a bucket's name: `iot-fleet`")
    primary: bool = Field(default=False, description="true if the tag names a bucket")
    when: dict[str, OneOrMany] = Field(default={}, description="a value or a list for each fact")


class TagsShape(Shape):
    """The whole of tags.yaml."""

    default: Tag = Field(description="the primary tag of orders that no primary rule takes")
    rules: list[RuleShape] = Field(default=[], description="the rules, the first that fits first")
    buckets: dict[str, BucketShape] = Field(default={}, description="rules for a tag's bucket")


@dataclass(frozen=True)
class TagRules:
    """All rules in order, the primary tag where no primary rule applies, and rules of buckets."""

    rules: tuple[TagRule, ...]
    default: str
    buckets: Mapping[str, BucketRules] = field(default_factory=dict)

    @property
    def primary_tags(self) -> tuple[str, ...]:
        """Every tag that may name a bucket, each once."""
        named = (rule.tag for rule in self.rules if rule.primary)
        return tuple(dict.fromkeys((*named, self.default)))

    def bucket_rules(self, tag: str) -> BucketRules:
        """What holds for the bucket of a primary tag."""
        return self.buckets.get(tag, NO_RULES)


@cache
def tag_rules() -> TagRules:
    """The rules in the file that `ORDERCAST_TAGS` names, read once."""
    return load_tags(settings().tags)


def load_tags(path: Path) -> TagRules:
    """The rules in a file.

    Raises ConfigurationError, which tells every fault with its line and cure.
    """
    written = load(path, TagsShape, checks=_check)
    rules = [TagRule(rule.tag, _conditions(rule), rule.primary) for rule in written.rules]
    buckets = {tag: bucket_rules(bucket) for tag, bucket in written.buckets.items()}
    return TagRules(rules=tuple(rules), default=written.default, buckets=buckets)


def _conditions(rule: RuleShape) -> Mapping[str, tuple[str, ...]]:
    return {fact: tuple(patterns) for fact, patterns in rule.when.items()}


def _check(tags: TagsShape) -> Iterator[Fault]:
    catch_all: str | None = None
    for number, rule in enumerate(tags.rules):
        at: Location = ("rules", number)
        for fact, patterns in rule.when.items():
            yield from _check_condition((*at, "when", fact), fact, patterns)
        if rule.primary and catch_all is not None:
            problem = f"`{rule.tag}` never comes: the primary rule `{catch_all}` takes every order"
            yield Fault((*at, "tag"), problem, "move it up, or use `default:` for the rest")
        if rule.primary and not rule.when and catch_all is None:
            catch_all = rule.tag
    primary = {tags.default, *(rule.tag for rule in tags.rules if rule.primary)}
    every = {rule.tag for rule in tags.rules}
    yield from check_buckets(tags.buckets, primary=sorted(primary), tags=sorted(every))


def _check_condition(at: Location, fact: str, patterns: list[str]) -> Iterator[Fault]:
    if fact not in FACTS:
        yield Fault(at, f"there is no fact `{fact}`", one_of(FACTS, fact))
        return
    if not patterns:
        yield Fault(at, f"`{fact}` has no values", "give at least one, or take the fact out")
    for place, pattern in enumerate(patterns):
        known = FACTS[fact]
        if known and not any(fnmatchcase(v.casefold(), pattern.casefold()) for v in known):
            yield Fault((*at, place), f"`{fact}` is never {pattern!r}", one_of(known, pattern))
