"""What deploy/ holds is in step with the settings, the services, and what is tested."""

import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml
from cryptography.fernet import Fernet

from config.prefect_server import SERVER_SETTINGS, SHARING_SETTINGS
from config.settings import PROJECT_DIR, Settings
from ordercast.archive.opening import parse_address
from ordercast.cli.serve import Service
from tests.unit.test_docs import environment_names

DEPLOY = PROJECT_DIR / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_bytes())
KNOWN = {name for name, _ in environment_names()} | {"ORDERCAST_BROKER__URL"}


def texts():
    files = [path for path in DEPLOY.rglob("*") if path.is_file() and "secrets/" not in str(path)]
    return {path: path.read_text() for path in files}


def assignments(text):
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE))


def unit(path):
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(path)
    return parser


def commands_of_units():
    return {path: unit(path)["Service"]["ExecStart"].split("/")[-1] for path in UNITS}


def test_every_setting_that_deploy_names_exists():
    named = {
        (path.name, name)
        for path, text in texts().items()
        for name in re.findall(r"ORDERCAST_[A-Z][A-Z_]*[A-Z]", text)
    }
    assert named
    assert [each for each in named if each[1] not in KNOWN] == []


def test_prefects_settings_are_those_that_are_tested():
    written = assignments((DEPLOY / "prefect.env").read_text())
    assert written == SERVER_SETTINGS | SHARING_SETTINGS


def test_the_readme_gives_every_prefect_setting_its_value_and_reason():
    page = (DEPLOY / "README.md").read_text()
    for name, value in (SERVER_SETTINGS | SHARING_SETTINGS).items():
        assert f"| `{name}` | {value} |" in page
    for name in assignments((DEPLOY / "prefect.secrets.env.example").read_text()):
        assert f"| `{name}` |" in page


@pytest.mark.parametrize("service", list(Service))
def test_every_service_has_a_unit_and_runs_in_compose(service):
    command = f"ordercast serve {service}"
    assert command in commands_of_units().values()
    assert " ".join(COMPOSE["services"][service]["command"]) == command


def test_units_and_compose_run_the_same_of_prefect():
    units = [command for command in commands_of_units().values() if command.startswith("prefect")]
    in_compose = [" ".join(each.get("command", [])) for each in COMPOSE["services"].values()]
    for command in units:
        assert command.replace("%i", "4200") in in_compose, command


def test_units_read_the_files_that_are_here_and_run_as_nobody_special():
    for path in UNITS:
        service = unit(path)["Service"]
        assert service["User"] == "ordercast", path.name
        for file in re.findall(r"^EnvironmentFile=(.*)$", path.read_text(), re.MULTILINE):
            name = Path(file).name
            assert (DEPLOY / name).exists() or (DEPLOY / f"{name}.example").exists()


@pytest.fixture
def ordercast_sh(tmp_path):
    """Runs ordercast.sh with everything that it names in a directory of the test's."""
    script = (DEPLOY / "ordercast.sh").read_text()
    for place in ("/etc/ordercast", "/opt/ordercast", "/var/lib/ordercast"):
        script = script.replace(place, f"{tmp_path}{place}")
    settings = tmp_path / "etc/ordercast/ordercast.env"
    command = tmp_path / "opt/ordercast/.venv/bin/ordercast"
    programs = {
        tmp_path / "ordercast": script,
        command: '#!/bin/sh\nenv\nprintf "<%s>" "$@"\n',
        tmp_path / "bin/runuser": '#!/bin/sh\nAS="$1 $2 $3"; export AS; shift 3\nexec "$@"\n',
        tmp_path / "bin/id": "#!/bin/sh\necho $UID_OF_TEST\n",
    }
    for path, text in {settings: "ORDERCAST_LOG_LEVEL=DEBUG\n", **programs}.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def run(*arguments, **environment):
        path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
        return subprocess.run(
            [tmp_path / "ordercast", *arguments],
            env={"PATH": path, "UID_OF_TEST": "1000", **environment},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    return run


def test_the_command_outside_of_a_unit_has_the_settings_of_the_units(ordercast_sh, tmp_path):
    said = ordercast_sh("orders", "list", "two words")
    assert said.endswith("<orders><list><two words>")
    seen = assignments(said)
    assert seen["ORDERCAST_LOG_LEVEL"] == "DEBUG"
    for path in UNITS:
        given = unit(path)["Service"]["Environment"].split()
        for name, _, value in (each.partition("=") for each in given):
            if name in ("ORDERCAST_HOME", "ORDERCAST_SECRETS_DIR"):
                assert seen[name] == f"{tmp_path}{value}", path.name
    assert "AS" not in seen


def test_the_command_leaves_what_is_set_already(ordercast_sh):
    seen = assignments(ordercast_sh(ORDERCAST_HOME="/mine", ORDERCAST_SECRETS_DIR="/hush"))
    assert (seen["ORDERCAST_HOME"], seen["ORDERCAST_SECRETS_DIR"]) == ("/mine", "/hush")


def test_the_command_of_root_runs_as_the_user_of_the_units(ordercast_sh):
    assert assignments(ordercast_sh(UID_OF_TEST="0"))["AS"] == "-u ordercast --"


def test_every_unit_but_the_upgrade_is_started_again():
    for path in UNITS:
        restart = unit(path)["Service"]["Restart"]
        assert restart == ("on-failure" if path.stem == "ordercast-upgrade" else "always")


def test_ports_of_compose_are_those_of_the_balancer():
    example = (DEPLOY / "nginx" / "ordercast.conf").read_text()
    listened = set(re.findall(r"listen (\d+);", example))
    published = {port.rpartition(":")[2] for port in COMPOSE["services"]["front"]["ports"]}
    assert published == listened
    upstreams = re.findall(r"^    server (\S+):(\d+) ", example, re.MULTILINE)
    for name, port in upstreams:
        started = COMPOSE["services"][name]
        assert port in started["command"] or port in started["environment"].values()


def test_compose_names_only_secrets_that_are_made_and_files_that_are_here(tmp_path):
    make_secrets(tmp_path / "secrets")
    for secret in COMPOSE["secrets"].values():
        assert (tmp_path / secret["file"]).exists()
    for service in COMPOSE["services"].values():
        mounted = [each.partition(":")[0] for each in service.get("volumes", [])]
        files = [each for each in mounted if each.startswith("./")]
        for file in [*files, *service.get("env_file", [])]:
            assert (DEPLOY / file).exists() or (tmp_path / file).exists(), file
        assert set(service.get("secrets", [])) <= COMPOSE["secrets"].keys()


def connections_by_formula():
    """What docs/postgresql.md counts for one process of each kind."""
    page = (PROJECT_DIR / "docs" / "postgresql.md").read_text()
    said = re.search(r"`max_connections` is (.*?) \(", page)[1]
    each, platform, prefect = map(int, re.findall(r"\d+", said))
    ours = dict.fromkeys(re.findall("gateway|listener|relay|worker", said), each)
    return ours | {"platform": platform, "prefect-api": prefect, "prefect-services": prefect}


def test_postgresql_of_compose_has_connections_for_all_that_the_readme_starts():
    scaled = dict(re.findall(r"--scale (\S+)=(\d+)", (DEPLOY / "README.md").read_text()))
    assert scaled
    needed = 0
    for name, connections in connections_by_formula().items():
        replicas = COMPOSE["services"][name].get("deploy", {"replicas": 1})["replicas"]
        needed += connections * int(scaled.get(name, replicas))
    most = COMPOSE["services"]["postgres"]["command"][-1].removeprefix("max_connections=")
    assert needed < int(most)


def secrets_by_need():
    page = (DEPLOY / "README.md").read_text()
    table = page.partition("| file | who needs it |")[2].partition("\n\n")[0]
    who = ""
    for name, said in re.findall(r"^\| `(\w+)` \| ([^|]+) \|", table, re.MULTILINE):
        who = who if said == "the same" else re.sub("`[^`]*`", "", said)
        yield from ((service, name) for service in Service if service in who)


def test_every_service_of_compose_has_the_secrets_that_the_readme_says_it_needs():
    needed = list(secrets_by_need())
    assert {service for service, _ in needed} == set(Service)
    for service, name in needed:
        assert name in COMPOSE["services"][service]["secrets"], f"{service}: {name}"
    assert {name for _, name in needed} == {each for each in COMPOSE["secrets"] if each.isupper()}


def test_the_secrets_that_are_made_are_settings_that_ordercast_can_use(tmp_path, monkeypatch):
    make_secrets(tmp_path / "secrets")
    monkeypatch.setenv("ORDERCAST_SECRETS_DIR", str(tmp_path / "secrets"))
    chosen = Settings()
    assert chosen.database_url.startswith("postgresql+psycopg://ordercast:")
    assert parse_address(chosen.archive.url).secret
    Fernet(chosen.sealing_keys.get_secret_value())
    prefect = assignments((tmp_path / "secrets" / "prefect.secrets.env").read_text())
    auth = chosen.prefect.auth_string.get_secret_value()
    assert prefect["PREFECT_SERVER_API_AUTH_STRING"] == auth
    example = assignments((DEPLOY / "prefect.secrets.env.example").read_text())
    assert prefect.keys() == example.keys()


def test_secrets_that_are_there_are_not_made_anew(tmp_path):
    make_secrets(tmp_path / "secrets")
    before = (tmp_path / "secrets" / "ORDERCAST_SEALING_KEYS").read_text()
    assert make_secrets(tmp_path / "secrets").returncode == 1
    assert (tmp_path / "secrets" / "ORDERCAST_SEALING_KEYS").read_text() == before


def make_secrets(directory):
    command = [sys.executable, str(DEPLOY / "make_secrets.py"), str(directory)]
    return subprocess.run(command, capture_output=True, text=True)


def test_no_secret_is_in_the_tree():
    assert "deploy/secrets/" in (PROJECT_DIR / ".gitignore").read_text().split()
    tracked = [path for path in texts() if path.suffix in (".env", ".example", ".yaml")]
    for path in tracked:
        for password in re.findall(r"://\w+:([^@\s]+)@", path.read_text()):
            assert password == "CHANGE-ME", path.name
