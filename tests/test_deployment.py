"""What an operator is given: unit, container file, proxy and page agree with the code they are for."""

import re
import tomllib
from configparser import ConfigParser
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cds_hooks.services import HOOK_OF_SERVICE
from cds_hooks.wording import WORDING
from plugin import metrics, settings
from plugin.app import BODY_MOST, create_app
from plugin.cli import main
from plugin.server import GRACE_SECONDS
from second_opinion.data_needs import prefetch_templates
from smart_app.chart.reading import SECONDS

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "deploy.md").read_text("utf-8")
CONTAINER = (ROOT / "Containerfile").read_text("utf-8")
PROXY = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")


class Unit(ConfigParser):
    """A systemd unit: names keep their case."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def unit() -> Unit:
    parsed = Unit(interpolation=None, strict=False)
    parsed.read_string((ROOT / "deploy" / "second-opinion.service").read_text("utf-8"))
    return parsed


def is_understood(command: list[str]) -> bool:
    """Whether the command line takes these words; raises what click says if not."""
    name, *options = command
    main.commands[name].make_context(name, options)
    return True


# ---- the systemd unit


def test_the_command_of_the_unit_is_one_that_there_is() -> None:
    program, *command = unit()["Service"]["ExecStart"].split()
    assert program == "/opt/second-opinion/bin/second-opinion"
    assert is_understood(command)


def test_systemd_waits_longer_than_the_server_takes_to_stop() -> None:
    service = unit()["Service"]
    assert int(service["TimeoutStopSec"]) > GRACE_SECONDS
    assert (service["KillSignal"], service["KillMode"]) == ("SIGTERM", "mixed")


def test_the_unit_gives_no_rights_that_it_does_not_need() -> None:
    service = unit()["Service"]
    assert service["User"] == "second-opinion" and service["CapabilityBoundingSet"] == ""
    for name in ("NoNewPrivileges", "PrivateTmp", "PrivateDevices", "ProtectHome", "RestrictNamespaces"):
        assert service[name] == "yes"
    assert service["ProtectSystem"] == "strict"


# ---- the container


def test_the_container_holds_every_package_and_no_other_file_that_there_is_not() -> None:
    copied = [
        line.split()[1:-1] for line in CONTAINER.splitlines() if line.startswith("COPY ") and "--from" not in line
    ]
    sources = [source for line in copied for source in line]
    assert [source for source in sources if not (ROOT / source).exists()] == []
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    assert {package.partition(".")[0] for package in packages} <= set(sources)


def test_the_containers_command_is_one_that_there_is() -> None:
    (command,) = re.findall(r"^CMD \[(.*)\]$", CONTAINER, re.MULTILINE)
    assert is_understood(re.findall(r'"([^"]+)"', command))
    assert "--require-hashes" in CONTAINER and "/healthz" in CONTAINER
    assert re.search(r"^USER 10001$", CONTAINER, re.MULTILINE)


# ---- the proxy


def test_the_proxy_lets_through_what_the_service_takes_and_logs_no_query() -> None:
    assert f"client_max_body_size    {BODY_MOST // 2**20}m;" in PROXY
    (logged,) = re.findall(r"^log_format .*$", PROXY, re.MULTILINE)
    assert "$logged" in logged and not re.search(r"\$(request|request_uri|args|query_string|http_\w+)\b", logged)


def test_the_proxy_logs_no_launch_and_waits_for_the_app() -> None:
    ((uri, instead),) = re.findall(r"^    ~(\S+) +(\S+);$", PROXY, re.MULTILINE)
    for path, page in {
        "/review/canary/refer": "refer",
        "/review/canary": "",
        "/review/canary/undo/canary": "undo",
    }.items():
        found = re.match(uri.replace("?<", "?P<"), path)
        assert found and instead.replace("$page", found["page"]) == f"/review/-/{page}"
    ((pages, seconds),) = re.findall(r"location ~ (\S+) \{[^}]*proxy_read_timeout (\d+)s", PROXY)
    assert all(re.match(pages, path) for path in ("/launch", "/callback", "/review/x/refer"))
    assert int(seconds) > 3 * SECONDS  # to read, to check the patient, to write


def test_the_proxy_speaks_no_tls_older_than_1_2_and_nothing_in_the_clear() -> None:
    assert re.findall(r"^ *ssl_protocols +(.+);", PROXY, re.MULTILINE) == ["TLSv1.2 TLSv1.3"]
    assert re.findall(r"^ *listen +(.+);", PROXY, re.MULTILINE) == ["443 ssl"]


# ---- the page


def test_the_prefetch_to_paste_is_what_discovery_says() -> None:
    (block,) = re.findall(r"```prefetch\n(.*?)\n```", PAGE, re.DOTALL)
    written = dict(line.split(": ", 1) for line in block.splitlines())
    assert written == prefetch_templates("patient-view")
    for hook in HOOK_OF_SERVICE.values():
        assert prefetch_templates(hook).items() <= written.items()


def test_every_service_and_every_override_reason_is_on_the_page() -> None:
    for service, hook in HOOK_OF_SERVICE.items():
        assert f"| {hook} | `{service}` |" in PAGE
    assert WORDING["override_reasons"]["system"] in PAGE
    for code, words in WORDING["override_reasons"]["reasons"].items():
        assert f"| `{code}` | {words} |" in PAGE


def test_every_metric_is_on_the_page_and_every_metric_on_the_page_is_there() -> None:
    families = text_string_to_metric_families(metrics.exposition().decode())
    there = {f.name + "_total" * (f.type == "counter") for f in families if not f.name.endswith("_created")}
    table = PAGE.replace("`, `_dropped_total`", "`, `second_opinion_journal_dropped_total`")
    named = set(re.findall(r"`(second_opinion_\w+)`", table))
    assert named == there


def test_every_setting_is_on_the_page() -> None:
    names = {
        value for value in vars(settings).values() if isinstance(value, str) and value.startswith("SECOND_OPINION")
    }
    for name in names | {"OTEL_EXPORTER_OTLP_ENDPOINT"}:
        assert f"`{name}`" in PAGE


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/cds-services", "/openapi.json", "/why"])
def test_every_path_on_the_page_is_there(path: str) -> None:
    assert path in PAGE
    assert create_app("https://x.example").test_client().get(path).status_code == 200
