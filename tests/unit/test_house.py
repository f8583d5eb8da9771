"""The rules of the tree itself: what may stand where, and names that must agree."""

import ast
import re
import sys
from importlib import import_module
from importlib.metadata import packages_distributions

import yaml
from prefect import Flow, Task

from config.prefect_server import DEPLOYMENT, WORK_POOL
from config.settings import PROJECT_DIR
from config.tags import FACTS
from flows.order import STEPS
from ordercast.domain.order import Stage
from ordercast.store.facts import CHANNELS, facts
from ordercast.store.tables import ServiceOrder
from tasks.step import LifeStep

PACKAGES = ("flows", "tasks", "blocks", "config", "ordercast")
MODULES = sorted(path for name in PACKAGES for path in (PROJECT_DIR / name).rglob("*.py"))
VAGUE = {"utils", "util", "common", "helpers", "helper", "misc", "base"}
SETTINGS = PROJECT_DIR / "config/settings.py"
SQL_NAMES = {"sqlmodel", "sqlalchemy"}


def name_of(path):
    return str(path.relative_to(PROJECT_DIR))


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def modules_but(*prefixes):
    return [path for path in MODULES if not name_of(path).startswith(prefixes)]


def reads_environment(node):
    is_os = isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.getenv")
    return is_os or (isinstance(node, ast.ImportFrom) and node.module == "os" and _names(node))


def _names(node):
    return {each.name for each in node.names} & {"environ", "getenv"}


def prefect_yaml():
    return yaml.safe_load((PROJECT_DIR / "prefect.yaml").read_bytes())


def test_only_the_settings_read_the_environment():
    places = [
        f"{name_of(path)}:{node.lineno}"
        for path in modules_but("config/settings.py")
        for node in ast.walk(tree(path))
        if reads_environment(node)
    ]
    assert places == []
    assert any(reads_environment(node) for node in ast.walk(tree(SETTINGS)))


def test_modules_are_named_after_their_idea_and_say_what_they_are():
    assert [name_of(path) for path in MODULES if path.stem in VAGUE] == []
    assert [
        name_of(path) for path in MODULES if tree(path).body and not ast.get_docstring(tree(path))
    ] == []


def test_packages_do_no_work_when_they_are_imported():
    allowed = (ast.Import, ast.ImportFrom, ast.Assign, ast.Expr)
    for path in MODULES:
        if path.name == "__init__.py":
            assert all(isinstance(node, allowed) for node in tree(path).body), name_of(path)


def test_statements_are_written_in_the_store_alone():
    places = [
        name_of(path)
        for path in modules_but("ordercast/store", "ordercast/services/platform")
        if {"select", "update", "delete", "text"} & imported(path, SQL_NAMES)
    ]
    assert places == []


def imported(path, packages):
    return {
        alias.name
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in packages
        for alias in node.names
    }


def test_what_prefect_yaml_deploys_can_be_imported_under_the_names_that_the_code_uses():
    deployed = []
    for each in prefect_yaml()["deployments"]:
        module, _, name = each["entrypoint"].rpartition(".")
        flow = getattr(import_module(module), name)
        assert isinstance(flow, Flow)
        assert each["work_pool"]["name"] == WORK_POOL
        assert flow.name == each["name"]
        deployed.append(f"{flow.name}/{each['name']}")
    assert DEPLOYMENT in deployed
    assert len(set(deployed)) == len(deployed)


def test_prefect_is_pinned_alike_everywhere():
    pinned = f"prefect=={prefect_yaml()['prefect-version']}"
    assert pinned in (PROJECT_DIR / "pyproject.toml").read_text()
    assert pinned in (PROJECT_DIR / "requirements.lock").read_text()


def pins(name):
    lock = (PROJECT_DIR / name).read_text()
    return set(re.findall(r"^([\w.-]+==[\w.]+)", lock, re.MULTILINE))


def packages_of(node):
    """What a statement imports from, by its outermost name."""
    names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
    if isinstance(node, ast.ImportFrom):
        names = [node.module]
    return {name.partition(".")[0] for name in names}


def test_what_is_installed_to_run_is_all_that_our_packages_import():
    to_run = {each.partition("==")[0] for each in pins("requirements.lock")}
    providers = packages_distributions()
    nodes = (node for path in MODULES for node in ast.walk(tree(path)))
    everything = {name for node in nodes for name in packages_of(node)}
    of_others = everything - sys.stdlib_module_names - {*PACKAGES}
    lacking = {
        name
        for name in of_others
        if to_run.isdisjoint(each.lower().replace("_", "-") for each in providers[name])
    }
    assert lacking == set()
    assert {"prefect", "yaml", "lxml"} <= of_others


def test_the_tests_run_on_the_very_versions_that_users_install():
    assert pins("requirements.lock") < pins("requirements-dev.lock")


def test_the_steps_reach_the_stages_in_their_order_and_are_named_in_kebab_case():
    assert [stage for _, stage in STEPS] == list(Stage)[1:]
    for step, _ in STEPS:
        assert isinstance(step, LifeStep)
        assert isinstance(step.task, Task) and step.task.name == step.name
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", step.name)
        assert step.task.persist_result is False


def test_the_facts_that_rules_may_ask_for_are_those_that_are_found():
    order = ServiceOrder(
        order_no="ord-20261122-aaaaaa",
        agent="a",
        content_sha256="",
        message_id="m",
        title="t",
        state="completed",
        ordered_at="2026-11-22T00:00:00Z",
    )
    assert facts(order, []).keys() == FACTS.keys()
    assert FACTS["channel"] == CHANNELS
