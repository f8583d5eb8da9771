"""Rules of lifecycle as S3 has them, and what they say in words."""

from collections.abc import Iterator

from minio.commonconfig import ENABLED, Filter, Tag
from minio.lifecycleconfig import Expiration, NoncurrentVersionExpiration, Rule, Transition

from config.bucket_rules import BucketRules, LifecycleRule
from ordercast.archive.s3_labels import FURTHER, tag_name

PREFIX = "ordercast-"
"""What the ids of our rules start with; others are somebody else's, and left alone."""

NONCURRENT_DAYS = 1
"""In a bucket with versions, expiry only hides an object: this deletes it a day later."""


def wanted(rules: BucketRules, *, has_versions: bool) -> list[Rule]:
    """The rules of a bucket as S3 takes them."""
    return [_rule(rule, has_versions) for rule in rules.lifecycle]


def is_ours(rule: Rule) -> bool:
    return (rule.rule_id or "").startswith(PREFIX)


def in_words(rule: Rule) -> str:
    """What a rule does; two rules that say the same do the same."""
    return f"{_whom(rule)}: {', '.join(_deeds(rule))}"


def _rule(rule: LifecycleRule, has_versions: bool) -> Rule:
    expires = rule.expire_days
    moves = rule.transition_days
    of_tag = Filter(tag=Tag(tag_name(rule.tag), FURTHER)) if rule.tag else Filter(prefix="")
    return Rule(
        ENABLED,
        rule_filter=of_tag,
        rule_id=f"{PREFIX}tag-{rule.tag}" if rule.tag else f"{PREFIX}all",
        expiration=Expiration(days=expires) if expires else None,
        noncurrent_version_expiration=(
            NoncurrentVersionExpiration(NONCURRENT_DAYS) if expires and has_versions else None
        ),
        transition=Transition(days=moves, storage_class=rule.storage_class) if moves else None,
    )


def _whom(rule: Rule) -> str:
    asked = rule.rule_filter
    if asked is None or asked.prefix == "":
        return "all"
    if asked.tag is not None:
        value = asked.tag.value
        return asked.tag.key if value == FURTHER else f"{asked.tag.key}={value}"
    return f"prefix {asked.prefix}" if asked.prefix else "some"


def _deeds(rule: Rule) -> Iterator[str]:
    if rule.status != ENABLED:
        yield "switched off"
    moves, expires, older = rule.transition, rule.expiration, rule.noncurrent_version_expiration
    if moves is not None:
        yield f"to {moves.storage_class} after {_days(moves.days)}"
    if expires is not None:
        yield f"expire after {_days(expires.days)}"
    if older is not None:
        yield f"older versions after {_days(older.noncurrent_days)}"
    if rule.noncurrent_version_transition or rule.abort_incomplete_multipart_upload:
        yield "and more"


def _days(days: int | None) -> str:
    return "a date" if days is None else f"{days} day{'' if days == 1 else 's'}"
