"""Reading a message: its media type says how."""

from ordercast.domain.errors import Problem
from ordercast.intake.csv_batch import CSV, parse_csv
from ordercast.intake.drafts import Parsed
from ordercast.intake.json_orders import JSON, NDJSON, parse_json, parse_ndjson, plain_type

READERS = {JSON: parse_json, NDJSON: parse_ndjson, CSV: parse_csv}


def parse(body: bytes, media_type: str) -> Parsed:
    """The orders that a message holds, and everything that is wrong with it; never raises."""
    reader = READERS.get(plain_type(media_type))
    if reader is None:
        known = ", ".join(READERS)
        return Parsed(
            problems=[Problem("Content-Type", f"{media_type!r} is not known", f"use {known}")]
        )
    return reader(body)
