"""The stack of the demo has ports and a home of its own, and nothing of the user's."""

import pytest

from config.settings import Settings
from ordercast.demo.home import fresh_home, log_file, tail
from ordercast.demo.stack import default_settings, environment, free_ports
from ordercast.domain.errors import ConfigurationError
from ordercast.services.supervisor import sole_use


def test_free_ports_are_all_different():
    assert len(set(free_ports(5))) == 5


def test_nothing_of_the_users_ordercast_or_prefect_reaches_the_stack(monkeypatch, tmp_path):
    monkeypatch.setenv("ORDERCAST_DATABASE__URL", "postgresql://the/users")
    monkeypatch.setenv("ordercast_archive__url", "https://the/users")
    monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", "postgresql://the/users")
    made = environment(tmp_path, {})
    assert "the/users" not in " ".join(made.values())
    assert made["ORDERCAST_HOME"] == str(tmp_path)
    assert made["PREFECT_HOME"].startswith(str(tmp_path))
    assert "PATH" in made


def test_every_setting_is_named_so_that_no_env_file_has_a_say(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("ORDERCAST_DATABASE__URL=sqlite:///the-users\n")
    monkeypatch.chdir(tmp_path)
    for name, value in default_settings().items():
        monkeypatch.setenv(name, value)
    assert Settings() == Settings.model_construct()


def test_what_is_on_this_machine_is_reached_around_any_proxy(monkeypatch, tmp_path):
    monkeypatch.setenv("no_proxy", "intranet.example")
    assert environment(tmp_path, {})["NO_PROXY"] == "intranet.example,127.0.0.1,localhost"


def test_a_fresh_home_is_wiped_of_an_earlier_demo(tmp_path):
    home = fresh_home(tmp_path / "demo")
    (home / "logs").mkdir()
    (home / "ordercast.db").write_text("old")
    assert [each.name for each in fresh_home(home).iterdir()] == ["up.lock"]


def test_a_home_in_use_is_left_alone(tmp_path):
    home = fresh_home(tmp_path / "demo")
    (home / "ordercast.db").write_text("in use")
    with sole_use(home), pytest.raises(ConfigurationError, match="another"):
        fresh_home(home)
    assert (home / "ordercast.db").exists()


def test_a_directory_that_no_stack_has_made_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("irreplaceable")
    with pytest.raises(ConfigurationError, match="not the demo's"):
        fresh_home(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_the_tail_of_a_log_is_its_last_lines_that_say_something(tmp_path):
    log = log_file(tmp_path, "worker")
    assert tail(log) == []
    log.parent.mkdir()
    log.write_text("\n".join(f"第 {n} 行\n" for n in range(40)), encoding="utf-8")
    assert tail(log, lines=2) == ["第 38 行", "第 39 行"]
