"""Opening a message in a dialect: its format says how it is read."""

from collections.abc import Callable, Mapping

from config.dialect_shape import Format
from config.dialects import Dialect
from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.intake.dialects.csv_document import read_csv
from ordercast.intake.dialects.documents import MOST_BYTES, Document
from ordercast.intake.dialects.json_document import read_json
from ordercast.intake.dialects.xml_document import read_xml

READERS: Mapping[Format, Callable[[Dialect, bytes, str], Document]] = {
    Format.JSON: read_json,
    Format.XML: read_xml,
    Format.CSV: read_csv,
}


def open_document(dialect: Dialect, body: bytes, media_type: str) -> Document:
    """The message as a tree; InvalidMessage if it is none, or a larger one than is read."""
    if len(body) > MOST_BYTES:
        raise InvalidMessage([Problem("body", f"is over {MOST_BYTES} bytes", "send it in parts")])
    return READERS[dialect.format](dialect, body, media_type)
