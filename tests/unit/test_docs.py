"""The documentation says what there is: settings, commands, flows, routes, links, examples."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer.main
import yaml
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from config.settings import PROJECT_DIR, Settings
from ordercast.archive import s3_archive, s3_buckets
from ordercast.archive.s3_faults import CURES, KEY_CURES
from ordercast.cli import app as cli
from ordercast.contracts.report import WorkOrderReport
from ordercast.contracts.subscriber import NewSubscriber
from ordercast.delivery.signing import new_secret, signed_headers
from ordercast.delivery.verdicts import Verdict
from ordercast.domain.order import Stage
from ordercast.domain.report import Verdict as ReportVerdict
from ordercast.services.gateway.orders import FILTERS
from ordercast.store.pushes import EVENT_TYPES
from tests.gateway import gateway
from tests.waiting import free_port

DOCS = PROJECT_DIR / "docs"
PAGES = sorted(
    [
        *DOCS.glob("*.md"),
        *(PROJECT_DIR / name for name in ("README.md", "README.zh-CN.md", "CONTRIBUTING.md")),
        PROJECT_DIR / "examples" / "README.md",
        PROJECT_DIR / "deploy" / "README.md",
    ]
)
STARTUP_SECONDS = 10
FOR_TESTS = "ORDERCAST_TEST_"


def read(name: str) -> str:
    return (PROJECT_DIR / name).read_text(encoding="utf-8")


def environment_names() -> Iterator[tuple[str, FieldInfo]]:
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, BaseModel):
            for inner, inner_field in group.model_fields.items():
                yield f"ORDERCAST_{name}__{inner}".upper(), inner_field
        else:
            yield f"ORDERCAST_{name}".upper(), field


def shown_default(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if isinstance(default, Path) and default.is_absolute():
        default = default.relative_to(PROJECT_DIR)
    return f"`{default}` |" if str(default) else "|"


def commands(command: Any, path: str) -> Iterator[tuple[str, set[str]]]:
    """Each command that can be called, with its options."""
    inner = getattr(command, "commands", None)
    if not inner or command.invoke_without_command:
        options = (each.opts + each.secondary_opts for each in command.params)
        yield path, {"--help", *chain.from_iterable(options)}
    for name, each in (inner or {}).items():
        yield from commands(each, f"{path} {name}")


def command_lines(page: Path) -> Iterator[str]:
    """What the reader is to type: in blocks, and between backticks."""
    text = page.read_text(encoding="utf-8")
    for line in re.findall(
        r"^(?:[A-Z_]+=\S+ )*(ordercast [a-z].*)$|`(ordercast [a-z][^`]*)`", text, re.M
    ):
        yield "".join(line)


def github_anchor(heading: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def links(page: Path) -> Iterator[str]:
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if "://" not in target:
            yield target


def test_every_setting_stands_in_the_configuration_page_with_its_default() -> None:
    page = read("docs/configuration.md")
    rows = [f"| `{name}` | {shown_default(field)}" for name, field in environment_names()]
    assert [row for row in rows if row not in page] == []


def test_the_docs_name_no_setting_that_does_not_exist() -> None:
    known = {name for name, _ in environment_names()}
    written = {
        name
        for page in PAGES
        if page.parent.name != "deploy"  # test_deploy.py looks at all that is there
        for name in re.findall(r"ORDERCAST_[A-Z][A-Z_]*[A-Z]", page.read_text(encoding="utf-8"))
        if not name.startswith(FOR_TESTS)
    }
    assert written <= known


def test_every_command_stands_in_the_commands_page() -> None:
    page = read("docs/commands.md")
    told = re.findall(r"^\| `(ordercast[a-z ]*[a-z])[^`]*` \|", page, flags=re.MULTILINE)
    assert sorted(told) == sorted(dict(commands(typer.main.get_command(cli), "ordercast")))


def test_the_docs_call_commands_only_with_options_that_they_have() -> None:
    known = dict(commands(typer.main.get_command(cli), "ordercast"))
    called = [line for page in PAGES for line in command_lines(page)]
    assert called
    for line in called:
        command = max((name for name in known if f"{line} ".startswith(f"{name} ")), key=len)
        assert set(re.findall(r"(?<= )--[a-z-]+", line)) <= known[command], line


def test_every_flow_and_deployment_stands_in_the_docs() -> None:
    page = read("docs/operating.md")
    deployments = yaml.safe_load(read("prefect.yaml"))["deployments"]
    for deployment in deployments:
        flow = deployment["entrypoint"].rpartition(".")[2]
        assert f"`{flow}/{deployment['name']}`" in page


def test_every_step_stands_in_the_docs_in_its_order() -> None:
    from flows.order import STEPS  # noqa: PLC0415 (Prefect takes its time to load)

    names = [step.name for step, _ in STEPS]
    for page in ("docs/operating.md", "README.zh-CN.md"):
        assert re.findall("|".join(map(re.escape, names)), read(page))[: len(names)] == names


def test_the_tmf641_page_names_every_filter_and_stage() -> None:
    page = read("docs/tmf641.md")
    assert [name for name in (*FILTERS, *Stage) if f"`{name}`" not in page] == []


def test_the_subscriber_page_names_every_field_event_and_verdict() -> None:
    page = read("docs/subscribers.md")
    named = {*NewSubscriber.model_fields, *EVENT_TYPES, *Verdict} - {"name", "url"}
    assert [name for name in named if f"`{name}`" not in page] == []


def test_the_archive_page_names_every_refusal_and_every_field_of_its_block() -> None:
    from blocks.order_archive import OrderArchive  # noqa: PLC0415 (Prefect takes its time to load)

    page = read("docs/archive.md")
    named = {*CURES, *KEY_CURES, *OrderArchive.model_fields}
    assert [name for name in named if f"`{name}`" not in page] == []
    assert all(field.description for field in OrderArchive.model_fields.values())


def test_the_policy_in_the_docs_grants_every_right_that_a_refusal_may_name() -> None:
    (written,) = re.findall(r"```json\n(.*?)```", read("docs/archive.md"), flags=re.DOTALL)
    granted = {each for part in json.loads(written)["Statement"] for each in part["Action"]}
    of_objects = (s3_archive.READ, s3_archive.WRITE, s3_archive.LOCK)
    named = " ".join((*of_objects, s3_buckets.MAKE, s3_buckets.LOOK, s3_buckets.MEND))
    assert set(re.findall(r"s3:\w+", named)) <= granted
    assert not [each for each in granted if "Delete" in each or "*" in each]


def test_the_operating_page_names_every_field_and_verdict_of_a_report() -> None:
    page = read("docs/operating.md")
    named = {*WorkOrderReport.model_fields, *ReportVerdict}
    assert [name for name in named if f"`{name}`" not in page] == []


def test_every_path_in_the_docs_is_one_that_the_gateway_serves() -> None:
    served = [
        re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + "$")
        for path in (*gateway().openapi()["paths"], "/desk/", "/docs", "/openapi.json")
    ]
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    written = set(re.findall(r"127\.0\.0\.1:8080(/[\w/\-${}#]+)", text))
    assert written
    assert [path for path in written if not any(each.match(path) for each in served)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT_DIR)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.is_relative_to(PROJECT_DIR), f"{link} leads out of the project"
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(github_anchor, headings), f"{link} names no heading"


def test_every_page_of_the_docs_is_linked_from_the_readme() -> None:
    for readme in ("README.md", "README.zh-CN.md"):
        linked = {link.partition("#")[0] for link in links(PROJECT_DIR / readme)}
        assert {f"docs/{page.name}" for page in DOCS.glob("*.md")} <= linked


def test_both_readmes_show_the_same_commands() -> None:
    def shell(name: str) -> list[str]:
        blocks = re.findall(r"```sh\n(.*?)```", read(name), flags=re.DOTALL)
        return [re.sub(r" +#.*", "", block) for block in blocks]

    assert shell("README.md") == shell("README.zh-CN.md")


def test_the_receiver_in_the_docs_takes_what_is_signed_and_nothing_else(tmp_path: Path) -> None:
    (source,) = re.findall(r"```python\n(.*?)```", read("docs/subscribers.md"), flags=re.DOTALL)
    assert sum(map(bool, source.splitlines())) <= 20
    (tmp_path / "receiver.py").write_text(source)
    secret, port = new_secret(), free_port()
    command = [sys.executable, str(tmp_path / "receiver.py"), str(port), secret]
    receiver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        body = '{"id":"e1","type":"com.ordercast.order.completed.v1","subject":"o","sequence":"1"}'
        headers = signed_headers([secret], message_id="e1", body=body, at=datetime.now(UTC))
        assert post_when_up(port, body, headers) == 204
        assert post_when_up(port, body, headers) == 204
        assert post_when_up(port, body + " ", headers) == 401
    finally:
        receiver.terminate()
        printed, _ = receiver.communicate(timeout=STARTUP_SECONDS)
    assert printed.decode().splitlines() == ["com.ordercast.order.completed.v1 o 1"]


def post_when_up(port: int, body: str, headers: dict[str, str]) -> int:
    deadline = time.monotonic() + STARTUP_SECONDS
    while True:
        try:
            url = f"http://127.0.0.1:{port}/pushes"
            return httpx.post(url, content=body, headers=headers, trust_env=False).status_code
        except httpx.ConnectError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
