"""Times rounds of recovery: `python -m benchmarks.recovery_round ROUNDS`.

Runs in the environment of a stack, and prints the seconds of each round as JSON.
"""

import json
import sys
import time

from ordercast.services.relay.prefect_api import prefect_api
from ordercast.services.relay.recover import Recovery


def main() -> None:
    """Run rounds as the relay does, one slice of the orders in flight after the other."""
    seconds, recovery = [], Recovery()
    with prefect_api() as api:
        for _ in range(int(sys.argv[1])):
            began = time.monotonic()
            recovery.round(api)
            seconds.append(time.monotonic() - began)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
