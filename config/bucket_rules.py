"""What holds for the bucket of a tag: object lock, versioning, and how long objects stay."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field

from config.documents import Shape, one_of
from config.yaml_document import Fault, Location


class LockMode(StrEnum):
    """How strongly objects are locked. Source: Amazon S3, Object Lock retention modes."""

    GOVERNANCE = "governance"
    COMPLIANCE = "compliance"


class LockShape(Shape):
    """An object lock as it is written."""

    mode: LockMode = Field(description="`governance`, or `compliance`, which nobody can lift")
    days: int = Field(gt=0, description="how many days each object stays locked")


class LifecycleShape(Shape):
    """A rule of the lifecycle as it is written."""

    tag: str | None = Field(default=None, description="the further tag that it is for")
    expire_days: int | None = Field(default=None, gt=0, description="after how many days to delete")
    transition_days: int | None = Field(
        default=None, gt=0, description="after how many days to move to `storage_class`"
    )
    storage_class: str | None = Field(
        default=None, min_length=1, description="a storage class that the server has"
    )


class BucketShape(Shape):
    """The rules of a bucket as they are written."""

    lock: LockShape | None = Field(default=None, description="`mode` and `days`")
    versioning: bool = Field(default=False, description="true to keep what is overwritten")
    lifecycle: list[LifecycleShape] = Field(default=[], description="a list of rules")


@dataclass(frozen=True)
class ObjectLock:
    """How long each new object is locked against change and deletion, and how strongly."""

    mode: LockMode
    days: int


@dataclass(frozen=True)
class LifecycleRule:
    """What becomes of the objects of a bucket with time; without a tag, of all of them."""

    tag: str | None = None
    expire_days: int | None = None
    transition_days: int | None = None
    storage_class: str | None = None


@dataclass(frozen=True)
class BucketRules:
    """What is asked of a bucket; what is not asked for is left as it is."""

    lock: ObjectLock | None = None
    versioning: bool = False
    lifecycle: tuple[LifecycleRule, ...] = ()


NO_RULES = BucketRules()
"""Nothing is asked."""


def bucket_rules(written: BucketShape) -> BucketRules:
    """The rules that a file asks for."""
    lock = written.lock
    return BucketRules(
        lock=ObjectLock(lock.mode, lock.days) if lock else None,
        versioning=written.versioning,
        lifecycle=tuple(LifecycleRule(**rule.model_dump()) for rule in written.lifecycle),
    )


def check_buckets(
    buckets: Mapping[str, BucketShape], *, primary: Collection[str], tags: Collection[str]
) -> Iterator[Fault]:
    """What is wrong with the rules of buckets, beside their shape."""
    for tag, bucket in buckets.items():
        at: Location = ("buckets", tag)
        if tag not in primary:
            yield Fault(at, f"`{tag}` is no primary tag, so has no bucket", one_of(primary, tag))
        for number, rule in enumerate(bucket.lifecycle):
            others = [each for each in tags if each != tag]
            yield from _check_rule((*at, "lifecycle", number), rule, bucket, others)
        yield from _check_twice((*at, "lifecycle"), bucket.lifecycle)


def _check_rule(
    at: Location, rule: LifecycleShape, bucket: BucketShape, others: Collection[str]
) -> Iterator[Fault]:
    if rule.tag is not None and rule.tag not in others:
        yield Fault((*at, "tag"), f"`{rule.tag}` is no further tag", one_of(others, rule.tag))
    if rule.expire_days is None and rule.transition_days is None:
        yield Fault(at, "the rule does nothing", "give `expire_days` or `transition_days`")
    if (rule.transition_days is None) != (rule.storage_class is None):
        cure = "give both `transition_days` and `storage_class`, or neither"
        yield Fault(at, "a transition needs its days and its storage class", cure)
    yield from _check_days(at, rule, bucket)


def _check_days(at: Location, rule: LifecycleShape, bucket: BucketShape) -> Iterator[Fault]:
    expires = rule.expire_days
    if expires is None:
        return
    at = (*at, "expire_days")
    if rule.transition_days is not None and rule.transition_days >= expires:
        yield Fault(at, "objects expire before they are moved", "let them expire later")
    if bucket.lock and bucket.lock.days > expires:
        problem = (
            f"objects are locked for {bucket.lock.days} days, so cannot expire after {expires}"
        )
        yield Fault(at, problem, "lock them for a shorter time, or let them expire later")
    of_all = _days_of_all(bucket)
    if rule.tag is not None and of_all is not None and of_all <= expires:
        problem = f"never comes: all objects expire after {of_all} days, and S3 obeys the shorter"
        yield Fault(at, problem, "give a shorter time, or take the rule for all objects out")


def _days_of_all(bucket: BucketShape) -> int | None:
    days = (each.expire_days for each in bucket.lifecycle if each.tag is None and each.expire_days)
    return min(days, default=None)


def _check_twice(at: Location, rules: list[LifecycleShape]) -> Iterator[Fault]:
    seen: set[str | None] = set()
    for number, rule in enumerate(rules):
        if rule.tag in seen:
            whom = f"`{rule.tag}` has" if rule.tag else "all objects have"
            yield Fault((*at, number), f"{whom} two rules", "make one of the two")
        seen.add(rule.tag)
