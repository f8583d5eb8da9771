"""Step 5: put the sealed outcome on the business platform."""

from sqlmodel import Session

from blocks.loading import business_platform, forget_clients
from blocks.platform_client import PlatformAnswer, PlatformRefused
from ordercast.contracts.outcome import Outcome
from ordercast.domain.order import Stage
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.outcomes import sealed
from ordercast.store.runs import Lease, working
from ordercast.store.tables import PlatformSync
from ordercast.store.upserting import insert_for
from tasks.availability import PLATFORM
from tasks.step import life_step

REFUSED_CREDENTIALS = (401, 403)


@life_step(
    name="sync-to-platform",
    cure="Ask whoever runs the platform, or mend the block business-platform/default",
)
def sync_to_platform(lease: Lease) -> bool:
    """Tell the business platform; the same version told twice has one effect there."""
    with database().read() as session:
        outcome = Outcome.model_validate(sealed(session, lease.order_no, lease.version).summary)
    with PLATFORM.asking():
        answer = _put(outcome)
    with working(lease) as work:
        _note(work.session, lease, answer)
        work.reach(Stage.SYNCED)
    return True


def _note(session: Session, lease: Lease, answer: PlatformAnswer) -> None:
    """Keep what the platform answered last."""
    said = {"synced_at": now(), "status": answer.status, "answer": answer.text[:1000]}
    key = {"order_no": lease.order_no, "version": lease.version}
    noted = insert_for(session, PlatformSync).values(**key, **said)
    session.execute(noted.on_conflict_do_update(index_elements=list(key), set_=said))


def _put(outcome: Outcome) -> PlatformAnswer:
    """Put the outcome; with a token read anew if the one at hand is refused."""
    try:
        return business_platform().put_order(outcome)
    except PlatformRefused as refused:
        if refused.status not in REFUSED_CREDENTIALS:
            raise
        forget_clients()
        return business_platform().put_order(outcome)
