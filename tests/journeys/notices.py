"""A notification block in Prefect that leads to a receiver of the tests."""

from tests import prefect_api
from tests.journeys.stack import Stack

KIND, NAME = "custom-webhook", "operations"
BLOCK = f"{KIND}/{NAME}"


def make_block(stack: Stack, url: str) -> None:
    """Make the block `custom-webhook/operations` on a stack's server."""
    make_block_at(stack.prefect, url)


def make_block_at(api_url: str, url: str) -> None:
    """Make the block on a server with that API, as an operator does in the UI."""
    kind = prefect_api.ask(api_url, "GET", f"/block_types/slug/{KIND}")
    of_kind = {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}}
    (schema, *_) = prefect_api.ask(api_url, "POST", "/block_schemas/filter", json=of_kind)
    data = {"name": NAME, "url": url, "json_data": {"title": "{{subject}}", "text": "{{body}}"}}
    made = {
        "name": NAME,
        "block_type_id": kind["id"],
        "block_schema_id": schema["id"],
        "data": data,
    }
    prefect_api.ask(api_url, "POST", "/block_documents/", json=made)
