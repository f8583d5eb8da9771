"""A notification block in Prefect that leads to a receiver of the tests."""

import httpx

from tests.journeys.stack import Stack

KIND, NAME = "custom-webhook", "operations"
BLOCK = f"{KIND}/{NAME}"


def make_block(stack: Stack, url: str) -> None:
    """Make the block `custom-webhook/operations` on a stack's server."""
    make_block_at(stack.prefect, url)


def make_block_at(api_url: str, url: str) -> None:
    """Make the block on a server with that API, as an operator does in the UI."""
    with httpx.Client(base_url=api_url, timeout=30) as prefect:
        kind = prefect.get(f"/block_types/slug/{KIND}").raise_for_status().json()
        of_kind = {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}}
        (schema, *_) = prefect.post("/block_schemas/filter", json=of_kind).json()
        data = {"name": NAME, "url": url, "json_data": {"title": "{{subject}}", "text": "{{body}}"}}
        made = {
            "name": NAME,
            "block_type_id": kind["id"],
            "block_schema_id": schema["id"],
            "data": data,
        }
        prefect.post("/block_documents/", json=made).raise_for_status()
