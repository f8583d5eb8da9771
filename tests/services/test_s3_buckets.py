"""Object lock, versioning and lifecycle of buckets, at a real S3 server."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from minio import Minio
from minio.commonconfig import ENABLED, Filter
from minio.error import S3Error
from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule

from config.bucket_rules import NO_RULES, BucketRules, LifecycleRule, LockMode, ObjectLock
from ordercast.archive.objects import Archive, Buckets, BucketState
from ordercast.archive.opening import open_archive
from ordercast.archive.s3_buckets import S3Buckets
from ordercast.archive.verifying import differences
from ordercast.domain.errors import PermanentFault, TransientFault
from tests.services.evidence import KEY, evidence, fresh_bucket
from tests.services.s3_server import S3Server
from tests.services.test_archive import Indexed
from tests.waiting import wait_for

pytestmark = pytest.mark.service

LOCKED = BucketRules(lock=ObjectLock(LockMode.GOVERNANCE, 3))
KEEP_A_YEAR = BucketRules(lifecycle=(LifecycleRule(expire_days=365),))


@pytest.fixture
def archive(s3_server: S3Server) -> Archive:
    return open_archive(s3_server.url)


@pytest.fixture
def buckets(archive: Archive) -> Buckets:
    found = archive.buckets
    assert found is not None
    return found


@pytest.fixture
def client(s3_server: S3Server) -> Minio:
    return s3_server.plain_client


def whats(state: BucketState) -> list[str]:
    return [difference.what for difference in state.differences]


def test_a_bucket_without_rules_is_made_plain_and_never_differs(
    archive: Archive, buckets: Buckets
) -> None:
    kept = evidence(bucket=fresh_bucket())
    assert buckets.state(kept.bucket, NO_RULES) == BucketState(exists=False)
    archive.put(kept)
    assert buckets.state(kept.bucket, NO_RULES) == BucketState(
        exists=True, facts=("no object lock", "no versioning")
    )


def test_a_locked_object_says_until_when_and_cannot_be_deleted(
    archive: Archive, buckets: Buckets, client: Minio
) -> None:
    kept = evidence(bucket=fresh_bucket(), rules=LOCKED)
    archive.put(kept)
    stored = archive.stat(kept.bucket, kept.key)
    assert stored is not None and stored.locked_until is not None
    assert stored.lock_mode == "governance"
    assert timedelta(days=2.9) < stored.locked_until - datetime.now(UTC) < timedelta(days=3.1)
    version = client.put_object(kept.bucket, "other", io.BytesIO(b"x"), 1).version_id
    with pytest.raises(S3Error, match="AccessDenied"):
        client.remove_object(kept.bucket, "other", version_id=version)
    assert buckets.state(kept.bucket, LOCKED) == BucketState(
        exists=True, facts=("lock: governance for 3 days", "versioning")
    )


def test_an_object_altered_in_a_locked_bucket_is_found_and_the_first_version_is_still_there(
    archive: Archive, client: Minio
) -> None:
    kept = evidence(bucket=fresh_bucket(), rules=LOCKED)
    archive.put(kept)
    [first] = list(client.list_objects(kept.bucket, recursive=True, include_version=True))
    client.put_object(kept.bucket, KEY, io.BytesIO(b"forged!"), 7)
    assert differences(archive, Indexed.of(kept))[0].startswith("altered")
    answer = client.get_object(kept.bucket, KEY, version_id=first.version_id)
    assert answer.read() == kept.body
    answer.close()


def test_a_bucket_made_without_lock_refuses_what_shall_be_locked_and_says_the_cure(
    archive: Archive, buckets: Buckets
) -> None:
    bucket = fresh_bucket()
    archive.put(evidence(bucket=bucket))
    late = replace(evidence(bucket=bucket, rules=LOCKED), key="2026/11/22/later/v1.json.gz")
    with pytest.raises(PermanentFault, match=r"made without object lock.*BUCKET_PREFIX"):
        archive.put(late)
    [difference] = buckets.state(bucket, LOCKED).differences
    assert difference.what == "made without object lock, asked: governance for 3 days"
    assert not difference.by_apply
    assert "can only be set when a bucket is made" in difference.cure
    buckets.apply(bucket, LOCKED)
    assert len(buckets.state(bucket, LOCKED).differences) == 1


def test_another_time_of_lock_reaches_a_bucket_that_was_made_for_it(
    archive: Archive, buckets: Buckets
) -> None:
    kept = evidence(bucket=fresh_bucket(), rules=LOCKED)
    archive.put(kept)
    longer = BucketRules(lock=ObjectLock(LockMode.GOVERNANCE, 30))
    told = "lock: governance for 3 days, asked: governance for 30 days"
    assert whats(buckets.state(kept.bucket, longer)) == [told]
    buckets.apply(kept.bucket, longer)
    assert whats(buckets.state(kept.bucket, longer)) == []


def test_rules_of_lifecycle_are_given_changed_and_taken_out(
    archive: Archive, buckets: Buckets
) -> None:
    rules = BucketRules(
        versioning=True,
        lifecycle=(
            LifecycleRule(transition_days=30, storage_class="COLD", expire_days=365),
            LifecycleRule(tag="rejected", expire_days=90),
        ),
    )
    kept = evidence(bucket=fresh_bucket(), rules=rules)
    archive.put(kept)
    facts = buckets.state(kept.bucket, rules).facts
    assert facts[1:] == (
        "versioning",
        "all: to COLD after 30 days, expire after 365 days, older versions after 1 day",
        "rejected: expire after 90 days, older versions after 1 day",
    )
    assert whats(buckets.state(kept.bucket, rules)) == []
    assert whats(buckets.state(kept.bucket, KEEP_A_YEAR)) == [
        "not there: all: expire after 365 days, older versions after 1 day",
        f"no longer asked for: {facts[2]}",
        f"no longer asked for: {facts[3]}",
    ]
    for asked in (KEEP_A_YEAR, NO_RULES, rules):
        for _ in range(2):
            buckets.apply(kept.bucket, asked)
            assert whats(buckets.state(kept.bucket, asked)) == []


def test_rules_of_somebody_else_are_left_alone(
    archive: Archive, buckets: Buckets, client: Minio
) -> None:
    kept = evidence(bucket=fresh_bucket())
    archive.put(kept)
    expiry = Expiration(days=7)
    theirs = Rule(ENABLED, rule_filter=Filter(prefix="tmp/"), rule_id="tmp", expiration=expiry)
    client.set_bucket_lifecycle(kept.bucket, LifecycleConfig([theirs]))
    assert buckets.state(kept.bucket, NO_RULES).facts[-1] == "not ours: tmp"
    assert whats(buckets.state(kept.bucket, NO_RULES)) == []
    [difference] = buckets.state(kept.bucket, KEEP_A_YEAR).differences
    assert not difference.by_apply
    buckets.apply(kept.bucket, KEEP_A_YEAR)
    found = client.get_bucket_lifecycle(kept.bucket)
    assert found is not None and [rule.rule_id for rule in found.rules] == ["tmp"]


def test_what_expires_by_tag_goes_and_the_rest_stays(
    s3_server: S3Server, archive: Archive, client: Minio
) -> None:
    rules = BucketRules(lifecycle=(LifecycleRule(tag="rejected", expire_days=2),))
    bucket = fresh_bucket()
    kept = evidence(bucket=bucket, tags=("iot", "activation"), rules=rules)
    gone = evidence(bucket=bucket, tags=("iot", "rejected"), rules=rules)
    gone = replace(gone, key="2026/11/22/rejected/v1.json.gz")
    s3_server.end_lifecycles()
    archive.put(kept)
    archive.put(gone)

    def expired() -> bool:
        s3_server.own.let_days_pass()
        return archive.stat(bucket, gone.key) is None

    wait_for(expired, what="the rejected order's evidence has not expired")
    assert archive.stat(bucket, kept.key) is not None


def test_a_bucket_whose_rules_could_not_be_given_gets_them_with_the_next_object(
    archive: Archive, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = evidence(bucket=fresh_bucket(), rules=KEEP_A_YEAR)

    def refuse(*_: object) -> None:
        raise PermanentFault("no right to give rules")

    with monkeypatch.context() as patch, pytest.raises(PermanentFault, match="no right"):
        patch.setattr(S3Buckets, "apply", refuse)
        archive.put(kept)
    assert archive.stat(kept.bucket, kept.key) is None
    archive.put(kept)
    assert whats(buckets.state(kept.bucket, KEEP_A_YEAR)) == []


def test_rules_are_given_again_when_the_server_was_too_busy_for_them(
    archive: Archive, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = evidence(bucket=fresh_bucket(), rules=KEEP_A_YEAR)
    apply, refusals = S3Buckets.apply, [TransientFault("SlowDown")]

    def busy_once(self: S3Buckets, bucket: str, rules: BucketRules) -> None:
        if refusals:
            raise refusals.pop()
        apply(self, bucket, rules)

    monkeypatch.setattr(S3Buckets, "apply", busy_once)
    archive.put(kept)
    assert whats(buckets.state(kept.bucket, KEEP_A_YEAR)) == []
