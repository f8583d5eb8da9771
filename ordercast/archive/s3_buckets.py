"""Buckets of an S3 server: made with what their tag asks for, looked at, and mended."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

from minio import Minio
from minio.commonconfig import ENABLED
from minio.error import S3Error
from minio.lifecycleconfig import LifecycleConfig, Rule
from minio.objectlockconfig import DAYS, ObjectLockConfig
from minio.versioningconfig import VersioningConfig

from config.bucket_rules import NO_RULES, BucketRules, LockMode, ObjectLock
from ordercast.archive.objects import BucketState, Difference
from ordercast.archive.s3_faults import told_as_faults
from ordercast.archive.s3_lifecycle import in_words, is_ours, wanted

NO_LOCK = "ObjectLockConfigurationNotFoundError"
MAKE = "s3:CreateBucket"
LOOK = "s3:GetBucketVersioning, s3:GetBucketObjectLockConfiguration, s3:GetLifecycleConfiguration"
MEND = "s3:PutBucketVersioning, s3:PutBucketObjectLockConfiguration, s3:PutLifecycleConfiguration"
REMAKE = (
    "object lock can only be set when a bucket is made: move its objects away and delete it, or"
    " choose another ORDERCAST_ARCHIVE__BUCKET_PREFIX; the next order makes it anew, with the lock"
)
UNREADABLE = "rules that cannot be read"


@dataclass(frozen=True)
class _Found:
    """What a bucket is: `lockable` if it was made for object lock, `lock` what new objects get."""

    lockable: bool
    lock: ObjectLock | None
    has_versions: bool
    ours: tuple[Rule, ...]
    others: tuple[str, ...]

    @property
    def words(self) -> frozenset[str]:
        return frozenset(map(in_words, self.ours))


class S3Buckets:
    """The buckets that one key of an S3 server may use."""

    def __init__(self, client: Minio, server: str) -> None:
        self._client, self._server = client, server
        self._half_made: set[str] = set()
        self._guard = threading.Lock()

    def make(self, bucket: str, rules: BucketRules) -> None:
        """Make a bucket, unless another process has just done so, and give it its rules.

        One whose rules could not be given is remembered, for `finish`.
        """
        with self._guard:
            self._half_made.add(bucket)
        with told_as_faults(self._server, bucket, right=MAKE):
            try:
                self._client.make_bucket(bucket, object_lock=rules.lock is not None)
            except S3Error as error:
                if error.code != "BucketAlreadyOwnedByYou":
                    raise
        self.finish(bucket, rules)

    def finish(self, bucket: str, rules: BucketRules) -> None:
        """Give a bucket that this process has made the rules that it has not got yet."""
        if bucket not in self._half_made:
            return
        if rules != NO_RULES:
            self.apply(bucket, rules)
        with self._guard:
            self._half_made.discard(bucket)

    def state(self, bucket: str, rules: BucketRules) -> BucketState:
        found = self._find(bucket)
        if found is None:
            return BucketState(exists=False)
        return BucketState(True, tuple(_facts(found)), tuple(_differences(found, rules)))

    def apply(self, bucket: str, rules: BucketRules) -> None:
        found = self._find(bucket)
        if found is None:
            return
        with told_as_faults(self._server, bucket, right=MEND):
            if rules.versioning and not found.has_versions:
                self._client.set_bucket_versioning(bucket, VersioningConfig(ENABLED))
            if rules.lock and found.lockable and found.lock != rules.lock:
                mode, days = rules.lock.mode.upper(), rules.lock.days
                self._client.set_object_lock_config(bucket, ObjectLockConfig(mode, days, DAYS))
            self._apply_lifecycle(bucket, found, rules)

    def is_lockable(self, bucket: str) -> bool:
        """Whether a bucket was made for object lock."""
        with told_as_faults(self._server, bucket, right=LOOK):
            return self._lock(bucket)[0]

    def _apply_lifecycle(self, bucket: str, found: _Found, rules: BucketRules) -> None:
        if found.others or found.words == _words(rules, found):
            return
        lifecycle = wanted(rules, has_versions=_will_have_versions(rules, found))
        if lifecycle:
            self._client.set_bucket_lifecycle(bucket, LifecycleConfig(lifecycle))
        else:
            self._client.delete_bucket_lifecycle(bucket)

    def _find(self, bucket: str) -> _Found | None:
        with told_as_faults(self._server, bucket, right=LOOK):
            try:
                status = self._client.get_bucket_versioning(bucket).status
            except S3Error as error:
                if error.code != "NoSuchBucket":
                    raise
                return None
            lockable, lock = self._lock(bucket)
            ours, others = self._lifecycle(bucket)
            return _Found(lockable, lock, status == ENABLED, ours, others)

    def _lock(self, bucket: str) -> tuple[bool, ObjectLock | None]:
        try:
            found = self._client.get_object_lock_config(bucket)
        except S3Error as error:
            if error.code not in (NO_LOCK, "NotImplemented", "MethodNotAllowed"):
                raise
            return False, None
        if not found.mode or not found.duration:
            return True, None
        days = found.duration if found.duration_unit == DAYS else 365 * found.duration
        return True, ObjectLock(LockMode(found.mode.lower()), days)

    def _lifecycle(self, bucket: str) -> tuple[tuple[Rule, ...], tuple[str, ...]]:
        try:
            found = self._client.get_bucket_lifecycle(bucket)
        except ValueError:  # minio knows few kinds of rules: these are not ours
            return (), (UNREADABLE,)
        rules = found.rules if found else []
        others = (rule.rule_id or in_words(rule) for rule in rules if not is_ours(rule))
        return tuple(filter(is_ours, rules)), tuple(others)


def _will_have_versions(rules: BucketRules, found: _Found) -> bool:
    return found.has_versions or rules.versioning


def _words(rules: BucketRules, found: _Found) -> frozenset[str]:
    asked = wanted(rules, has_versions=_will_have_versions(rules, found))
    return frozenset(map(in_words, asked))


def _facts(found: _Found) -> Iterator[str]:
    yield f"lock: {_lock_in_words(found.lock)}" if found.lockable else "no object lock"
    yield "versioning" if found.has_versions else "no versioning"
    yield from sorted(found.words)
    yield from (f"not ours: {other}" for other in found.others)


def _differences(found: _Found, rules: BucketRules) -> Iterator[Difference]:
    if rules.lock and not found.lockable:
        asked = _lock_in_words(rules.lock)
        yield Difference(f"made without object lock, asked: {asked}", REMAKE, by_apply=False)
    if rules.lock and found.lockable and found.lock != rules.lock:
        asked = f"lock: {_lock_in_words(found.lock)}, asked: {_lock_in_words(rules.lock)}"
        yield Difference(asked, "`--apply` sets it for new objects")
    if rules.versioning and not found.has_versions:
        yield Difference("no versioning", "`--apply` switches it on")
    asked = _words(rules, found)
    if asked and found.others:
        cure = "take them out of the bucket, or the lifecycle of this tag out of tags.yaml"
        others = ", ".join(found.others)
        yield Difference(f"lifecycle rules of somebody else: {others}", cure, by_apply=False)
        return
    for missing in sorted(asked - found.words):
        yield Difference(f"not there: {missing}", "`--apply` adds it")
    for extra in sorted(found.words - asked):
        yield Difference(f"no longer asked for: {extra}", "`--apply` takes it out")


def _lock_in_words(lock: ObjectLock | None) -> str:
    return f"{lock.mode} for {lock.days} days" if lock else "none by default"
