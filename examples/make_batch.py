"""Prints a batch of SIM activations as CSV: `python examples/make_batch.py 1000 > batch.csv`.

The same number of rows gives the same file; numbers and cards are made up.
"""

import csv
import sys
from collections.abc import Iterator

HEADER = ("msisdn", "iccid", "product", "action", "plan", "region")
FIRST_MSISDN = 8612010000000
FIRST_ICCID = 8986992611000000000
PLANS = ("youth-5g-39", "family-5g-99", "senior-4g-19")
REGIONS = ("shanghai", "beijing", "guangdong", "sichuan")


def with_check_digit(digits: str) -> str:
    """The digits with their Luhn check digit, as printed on a card (ITU-T E.118)."""
    doubled = [int(digit) * 2 for digit in digits[::-2]]
    plain = [int(digit) for digit in digits[-2::-2]]
    total = sum(digit // 10 + digit % 10 for digit in doubled) + sum(plain)
    return f"{digits}{-total % 10}"


def rows(count: int) -> Iterator[tuple[str, ...]]:
    """The header, then one row for each new subscriber."""
    yield HEADER
    for number in range(1, count + 1):
        yield (
            str(FIRST_MSISDN + number),
            with_check_digit(str(FIRST_ICCID + number)),
            "sim-activation",
            "add",
            PLANS[number % len(PLANS)],
            REGIONS[number % len(REGIONS)],
        )


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdecimal():
        raise SystemExit("usage: python examples/make_batch.py ROWS > FILE")
    csv.writer(sys.stdout, lineterminator="\n").writerows(rows(int(sys.argv[1])))
