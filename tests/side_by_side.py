"""How tests are dealt out to processes: what shares a dear fixture stays in one of them."""

from xdist.scheduler import LoadScopeScheduling

FLOWS = "tests/flows/"


class ByFixture(LoadScopeScheduling):
    """The tests of a file together, and all flow tests, which share a Prefect server."""

    def _split_scope(self, nodeid: str) -> str:
        return FLOWS if nodeid.startswith(FLOWS) else nodeid.partition("::")[0]
