"""Settings come from the environment alone, have documented defaults, and hide their secrets."""

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsError

from config.settings import Settings, settings
from ordercast.domain.errors import ConfigurationError
from tests.conftest import forget


def test_without_an_environment_everything_has_a_default():
    chosen = Settings()
    assert chosen.database_url.startswith("sqlite:///")
    assert chosen.gateway_url == "http://127.0.0.1:8080"
    assert chosen.platform_url == "http://127.0.0.1:8090"
    assert chosen.prefect_api_url == "http://127.0.0.1:4200/api"
    assert chosen.prefect_ui_url == "http://127.0.0.1:4200"
    assert chosen.archive_url.startswith("file:///")
    assert chosen.gateway.max_body_bytes == 16 * 1024 * 1024


def test_groups_nest_with_two_underscores(monkeypatch):
    monkeypatch.setenv("ORDERCAST_DATABASE__URL", "postgresql://db/ordercast")
    monkeypatch.setenv("ORDERCAST_GATEWAY__PORT", "9090")
    monkeypatch.setenv("ORDERCAST_GATEWAY__PUBLIC_URL", "https://orders.example.com")
    chosen = Settings()
    assert chosen.database.url == "postgresql://db/ordercast"
    assert chosen.gateway.port == 9090
    assert chosen.gateway_url == "https://orders.example.com"


def test_the_databases_and_the_archive_live_in_the_home(monkeypatch, tmp_path):
    monkeypatch.setenv("ORDERCAST_HOME", str(tmp_path))
    chosen = Settings()
    assert chosen.database_url == f"sqlite:///{tmp_path}/ordercast.db"
    assert chosen.platform_database_url == f"sqlite:///{tmp_path}/platform.db"
    assert chosen.archive_url == f"file://{tmp_path}/archive"


def test_a_setting_that_cannot_be_read_is_refused_by_name(monkeypatch):
    monkeypatch.setenv("ORDERCAST_GATEWAY__PORT", "eighty")
    with pytest.raises(ValidationError, match=r"gateway\.port"):
        Settings()


def test_secrets_are_not_shown(monkeypatch):
    monkeypatch.setenv("ORDERCAST_SEALING_KEYS", "hush")
    monkeypatch.setenv("ORDERCAST_PLATFORM__TOKEN", "hush")
    assert "hush" not in f"{Settings()!r} {Settings().model_dump()}"


def test_settings_are_read_from_files_named_like_them(monkeypatch, tmp_path):
    (tmp_path / "ORDERCAST_DATABASE__URL").write_text("postgresql://db/ordercast\n")
    (tmp_path / "ordercast_sealing_keys").write_text("hush\n")
    (tmp_path / "ORDERCAST_GATEWAY__PORT").write_text("9090")
    (tmp_path / "something-else").write_text("of another program")
    monkeypatch.setenv("ORDERCAST_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("ORDERCAST_DATABASE__POOL_SIZE", "3")
    chosen = Settings()
    assert (chosen.database.url, chosen.database.pool_size) == ("postgresql://db/ordercast", 3)
    assert chosen.sealing_keys.get_secret_value() == "hush"
    assert chosen.gateway.port == 9090


def test_the_environment_goes_before_a_file(monkeypatch, tmp_path):
    (tmp_path / "ORDERCAST_GATEWAY__PORT").write_text("9090")
    monkeypatch.setenv("ORDERCAST_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("ORDERCAST_GATEWAY__PORT", "9091")
    assert Settings().gateway.port == 9091


def test_the_directory_of_secrets_may_be_named_in_a_dotenv_file(monkeypatch, tmp_path):
    (tmp_path / "ORDERCAST_PLATFORM__TOKEN").write_text("hush")
    dotenv = tmp_path / ".env"
    dotenv.write_text(f"ORDERCAST_SECRETS_DIR={tmp_path}\n")
    assert Settings(_env_file=dotenv).platform.token.get_secret_value() == "hush"


def test_a_directory_of_secrets_that_is_not_there_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("ORDERCAST_SECRETS_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match="does not exist"):
        Settings()


def refused():
    forget()
    with pytest.raises(ConfigurationError) as refusal:
        settings()
    return str(refusal.value)


def test_all_settings_that_cannot_be_read_are_told_in_words_without_their_values(monkeypatch):
    monkeypatch.setenv("ORDERCAST_GATEWAY__PORT", "hush")
    monkeypatch.setenv("ORDERCAST_ARCHIVE__ADDRESSING", "hush")
    lines = refused().splitlines()
    assert [line.partition(": ")[0] for line in lines] == [
        "ORDERCAST_GATEWAY__PORT",
        "ORDERCAST_ARCHIVE__ADDRESSING",
    ]
    assert all("; mend or unset it" in line and "hush" not in line for line in lines)


def test_a_group_that_is_set_as_a_whole_is_told_how_to_set_it(monkeypatch):
    monkeypatch.setenv("ORDERCAST_DATABASE", "hush")
    told = refused()
    assert told.startswith("ORDERCAST_DATABASE: is no JSON; ")
    assert "ORDERCAST_DATABASE__…" in told and "hush" not in told


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_what_is_no_directory_of_secrets_is_told_in_words(monkeypatch, tmp_path, name):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ORDERCAST_SECRETS_DIR", str(tmp_path / name))
    assert refused().startswith("ORDERCAST_SECRETS_DIR: is not there, is no directory")


def test_settings_that_may_not_be_read_are_told_in_words(monkeypatch):
    def forbid():
        raise PermissionError(13, "Permission denied", "hush")

    monkeypatch.setattr("config.settings.Settings", forbid)
    assert refused() == (
        ".env or ORDERCAST_SECRETS_DIR: Permission denied; let the user who runs this read it"
    )
