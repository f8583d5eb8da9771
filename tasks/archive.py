"""Step 6: classify the order and keep its evidence in the bucket of its primary tag."""

from dataclasses import replace
from hashlib import sha256

from sqlmodel import Session

from blocks.loading import forget_clients, order_archive
from config.settings import settings
from config.tags import tag_rules
from ordercast.archive.naming import bucket_name, object_key, results_key
from ordercast.archive.objects import EvidenceObject
from ordercast.domain.errors import CredentialsRefused
from ordercast.domain.order import Stage
from ordercast.store import archive, results
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.outcomes import sealed
from ordercast.store.runs import Lease, working
from ordercast.store.tables import ArchiveEntry, OrderOutcome, ResultManifest, ServiceOrder
from tasks.availability import ARCHIVE
from tasks.step import life_step


@life_step(name="archive-by-tag", cure="Mend the archive, or the block order-archive/default")
def archive_by_tag(lease: Lease) -> bool:
    """Keep the sealed evidence, and enter it in the index with its tags and its checksum.

    The result manifest of an order with many lines goes beside it.
    """
    with database().read() as session:
        outcome = sealed(session, lease.order_no, lease.version, with_evidence=True)
    keep(outcome)
    with working(lease) as work:
        enter(work.session, work.order, outcome)
        work.reach(Stage.ARCHIVED)
    return True


def keep(outcome: OrderOutcome) -> None:
    """Put the objects of an outcome into the archive; those that are there stay."""
    with ARCHIVE.asking():
        _put(evidence_object(outcome))
        if manifest := results_object(outcome):
            _put(manifest)


def enter(session: Session, order: ServiceOrder, outcome: OrderOutcome) -> None:
    """Enter the objects of an outcome in the index; what is entered stays."""
    archive.record(session, _entry(outcome, evidence_object(outcome)), outcome.tags)
    if manifest := results_object(outcome):
        results.record(session, _results(order, outcome, manifest))


def evidence_object(outcome: OrderOutcome) -> EvidenceObject:
    """The object that proves an outcome, its place in the archive, and the rules of its bucket."""
    return EvidenceObject(
        bucket=bucket_name(settings().archive.bucket_prefix, outcome.primary_tag),
        key=object_key(outcome.order_no, outcome.version),
        body=outcome.evidence,
        sha256=sha256(outcome.evidence).hexdigest(),
        tags=tuple(outcome.tags),
        metadata={
            "order-no": outcome.order_no,
            "order-version": str(outcome.version),
            "order-state": outcome.state,
        },
        rules=tag_rules().bucket_rules(outcome.primary_tag),
    )


def results_object(outcome: OrderOutcome) -> EvidenceObject | None:
    """The result manifest of an outcome, under the rules of its bucket; None if it has none."""
    if outcome.results is None:
        return None
    return replace(
        evidence_object(outcome),
        key=results_key(outcome.order_no, outcome.version),
        body=outcome.results,
        sha256=sha256(outcome.results).hexdigest(),
    )


def _put(evidence: EvidenceObject) -> None:
    """Keep an object; with a key read anew if the one at hand is refused."""
    try:
        order_archive().put(evidence)
    except CredentialsRefused:
        forget_clients()
        order_archive().put(evidence)


def _entry(outcome: OrderOutcome, evidence: EvidenceObject) -> ArchiveEntry:
    return ArchiveEntry(
        order_no=outcome.order_no,
        version=outcome.version,
        bucket=evidence.bucket,
        key=evidence.key,
        sha256=evidence.sha256,
        size_bytes=len(evidence.body),
        archived_at=now(),
    )


def _results(order: ServiceOrder, outcome: OrderOutcome, kept: EvidenceObject) -> ResultManifest:
    return ResultManifest(
        order_no=outcome.order_no,
        version=outcome.version,
        bucket=kept.bucket,
        key=kept.key,
        sha256=kept.sha256,
        size_bytes=len(kept.body),
        line_count=order.line_count,
    )
