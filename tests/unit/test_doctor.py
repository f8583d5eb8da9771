"""The doctor names what a Prefect server lacks, however its settings are written."""

import json
from typing import Any

from prefect.settings import Settings

from config.prefect_server import SERVER_SETTINGS
from ordercast.doctor.prefect import missing_settings


def told_by_a_server(**environment: str) -> Any:
    """What a server with these settings tells of itself at /admin/settings."""
    return json.loads(Settings(**environment).model_dump_json())


def as_told(settings: dict[str, str]) -> dict[str, Any]:
    """Settings nested as a server tells them: one level for all is as good as several."""
    return {name.removeprefix("PREFECT_").lower(): value for name, value in settings.items()}


def test_a_server_as_it_comes_lacks_every_setting_for_many_orders() -> None:
    lacking = {finding.found.split()[0] for finding in missing_settings(told_by_a_server())}
    assert lacking | {"PREFECT_SERVER_ANALYTICS_ENABLED"} == set(SERVER_SETTINGS)


def test_a_server_that_up_started_lacks_nothing() -> None:
    assert list(missing_settings(as_told(SERVER_SETTINGS))) == []


def test_durations_and_lists_are_the_same_however_they_are_written() -> None:
    told = as_told(SERVER_SETTINGS)
    told["server_services_late_runs_after_seconds"] = "PT10M"
    told["server_services_task_run_recorder_flush_interval"] = 1.0
    told["server_services_db_vacuum_enabled"] = ["flow_runs", "events"]
    told["server_analytics_enabled"] = False
    assert list(missing_settings(told)) == []


def test_the_cure_is_the_value_to_set() -> None:
    told = as_told(SERVER_SETTINGS) | {"server_services_triggers_read_batch_size": 1}
    assert [finding.cure for finding in missing_settings(told)] == ["set it to 50"]
