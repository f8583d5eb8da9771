"""Reconciling: each sealed version is looked for on the platform, in the archive, in the ledger."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from blocks.loading import business_platform, order_archive
from blocks.platform_client import PlatformRefused
from ordercast.archive.objects import Archive
from ordercast.contracts.outcome import Outcome
from ordercast.domain.errors import PermanentFault, TransientFault
from ordercast.store import orders, reconciling, results, turns
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.outcomes import sealed
from ordercast.store.reconciling import Place, SealedVersion, Untold
from ordercast.store.tables import ArchiveEntry, ResultManifest
from tasks import archive, broadcast
from tasks.availability import ARCHIVE, PLATFORM
from tasks.step import step

RECONCILE = "reconcile"
AT_ONCE = 100


@dataclass(frozen=True)
class Finding:
    """Something that two sides say differently: where, and whether that is mended now."""

    where: str
    order_no: str
    version: int
    problem: str
    mended: bool = False


@dataclass(frozen=True)
class Reconciled:
    """What was looked at, up to where, and what was found; `is_whole`: nothing is left."""

    checked: int
    until: datetime | None
    is_whole: bool
    findings: tuple[Finding, ...] = ()


@step(name="reconcile-sealed")
def reconcile_sealed(
    *, since: datetime, limit: int, seconds: float, mend: bool, platform: bool, goes_on: bool = True
) -> Reconciled:
    """Compare sealed versions with the platform, the archive and the ledger.

    With `goes_on` it does so from where the last round stopped, and notes where it stops
    itself: also where one of them is away.
    """
    deadline = time.monotonic() + seconds
    place = _last_place() if goes_on else None
    checked, findings = 0, list[Finding]()
    while checked < limit and time.monotonic() < deadline:
        with database().read() as session:
            page = reconciling.sealed_after(
                session, place, since=since, limit=min(AT_ONCE, limit - checked)
            )
            missing = reconciling.untold(session, page)
        if not page:
            if goes_on:
                _move_on(None)
            return Reconciled(checked, place and place.sealed_at, True, tuple(findings))
        try:
            findings += _compare(page, missing, mend=mend, platform=platform)
        except TransientFault as fault:  # what was found up to here is told all the same
            findings.append(Finding("stopped", "", 0, str(fault)))
            break
        platform = platform and all(each.order_no for each in findings)
        checked, place = checked + len(page), page[-1].place
        if goes_on:
            _move_on(place)
    return Reconciled(checked, place and place.sealed_at, False, tuple(findings))


def _compare(
    page: Sequence[SealedVersion], missing: Sequence[Untold], *, mend: bool, platform: bool
) -> Iterator[Finding]:
    """What is found of some versions; a platform that cannot be asked is asked once."""
    for each in page:
        if platform:
            found = list(_on_platform(each, mend=mend))
            platform = all(one.order_no for one in found)
            yield from found
        yield from _in_archive(each, mend=mend)
    yield from _in_ledger(missing, mend=mend)


def _last_place() -> Place | None:
    with database().read() as session:
        return Place.from_json(turns.cursor(session, RECONCILE))


def _move_on(place: Place | None) -> None:
    with database().write() as session:
        turns.move_on(session, RECONCILE, place.as_json() if place else {})


def _on_platform(sealed_one: SealedVersion, *, mend: bool) -> Iterator[Finding]:
    with database().read() as session:
        found = sealed(session, sealed_one.order_no, sealed_one.version)
        outcome = Outcome.model_validate(found.summary)
    try:
        with PLATFORM.asking():
            held = business_platform().versions(outcome.order_no).get(outcome.version)
    except PlatformRefused as refused:
        yield Finding("platform", "", 0, f"it cannot be asked: {refused}")
        return
    if held == outcome.sha256:
        return
    problem = "it is missing there" if held is None else "another content is there"
    finding = Finding("platform", outcome.order_no, outcome.version, problem)
    yield _put(finding, outcome) if mend else finding


def _put(finding: Finding, outcome: Outcome) -> Finding:
    try:
        with PLATFORM.asking():
            business_platform().put_order(outcome)
    except PermanentFault as refused:
        return replace(finding, problem=f"{finding.problem}; {refused}")
    return replace(finding, mended=True)


def _in_archive(sealed_one: SealedVersion, *, mend: bool) -> Iterator[Finding]:
    order_no, version = sealed_one.order_no, sealed_one.version
    with database().read() as session:
        manifest = results.find(session, order_no, version)
    with ARCHIVE.asking():
        problems = list(_problems(order_archive(), sealed_one.entry, manifest))
    if not problems:
        return
    finding = Finding("archive", order_no, version, "; ".join(problems))
    yield _keep_again(finding) if mend else finding


def _problems(
    kept: Archive, entry: ArchiveEntry | None, manifest: ResultManifest | None
) -> Iterator[str]:
    if entry is None:
        yield "it is not in the index"
        return
    for what, expected in (("evidence", entry), ("result manifest", manifest)):
        if expected is None:
            continue
        stored = kept.stat(expected.bucket, expected.key)
        if stored is None:
            yield f"its {what} is missing"
        elif stored.size_bytes != expected.size_bytes:
            yield f"its {what} has {stored.size_bytes} bytes instead of {expected.size_bytes}"
        elif stored.sha256 is None:
            yield f"its {what} has no notes beside it"
        elif stored.sha256 != expected.sha256:
            yield f"its {what} has another checksum than the index"


def _keep_again(finding: Finding) -> Finding:
    """What is missing is put there once more; what was altered is never overwritten."""
    with database().read() as session:
        outcome = sealed(session, finding.order_no, finding.version, with_evidence=True)
    if not outcome.evidence:
        return replace(finding, problem=f"{finding.problem}; nothing is left of it here")
    try:
        archive.keep(outcome)
        with database().write() as session:
            order = orders.order(session, finding.order_no, lock=True)
            archive.enter(session, order, outcome)
    except PermanentFault as refused:
        return replace(finding, problem=f"{finding.problem}; {refused}")
    return replace(finding, mended=True)


def _in_ledger(missing: Sequence[Untold], *, mend: bool) -> list[Finding]:
    if mend and missing:
        _tell(missing)
    return [
        Finding("ledger", each.order_no, each.version, _untold(each), mended=mend)
        for each in missing
    ]


def _untold(missing: Untold) -> str:
    if missing.event is None:
        return "nobody was told of it"
    return f"{missing.subscriber_id} was not told of {missing.event.type}"


def _tell(missing: Sequence[Untold]) -> None:
    with database().write() as session:
        locked = orders.lock(session, {each.order_no for each in missing})
        reconciling.tell(session, missing, at=now())
        for each in missing:
            if each.event is None:
                broadcast.tell(session, locked[each.order_no], each.version)
