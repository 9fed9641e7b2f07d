"""The app's own assets: a browser keeps them for as long as they stay what they are."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from review_cases import fresh_journal

from ehr.look_up import LookUp
from ehr.trust import Trust
from smart_app.assets import add_version
from smart_app.door import create_blueprint

KEPT = "public, max-age=31536000, immutable"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FlaskClient]:
    for journal in fresh_journal(tmp_path):
        flask = Flask(__name__, static_folder=None)
        flask.register_blueprint(create_blueprint(Trust("http://localhost"), journal, LookUp()))
        yield flask.test_client()


def how_long(app: FlaskClient, address: str) -> str:
    with app.get(address) as answer:
        return answer.headers.get("Cache-Control", "")


def test_every_asset_of_a_page_is_kept_by_the_browser(app: FlaskClient) -> None:
    addresses = re.findall(r'(?:href|src)="(/assets/[^"]+)"', app.get("/launch").text)
    assert addresses
    for address in addresses:
        assert how_long(app, address) == KEPT
    script = addresses[0].replace(addresses[0].split("?")[0], "/assets/vendor/echarts.min.js")
    assert how_long(app, script) == KEPT
    assert how_long(app, "/launch") == "no-store"


@pytest.mark.parametrize("asked", ["/assets/app.css", "/assets/app.css?v=another", "/assets/none.css"])
def test_an_asset_of_another_version_or_none_is_asked_for_again(asked: str, app: FlaskClient) -> None:
    assert "immutable" not in how_long(app, asked)


def test_the_version_changes_with_any_file(tmp_path: Path) -> None:
    def address() -> str:
        door = Blueprint("pages", __name__, static_folder=tmp_path, static_url_path="/assets")
        add_version(door, tmp_path)
        door.get("/", endpoint="home")(lambda: "")
        flask = Flask(__name__, static_folder=None)
        flask.register_blueprint(door)
        with flask.test_request_context("/"):
            assert flask.url_for("pages.home") == "/"
            return flask.url_for("pages.static", filename="one.css")

    seen = set()
    for name, content in (("one.css", "a"), ("one.css", "b"), ("vendor/other.js", "")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
        seen |= {address(), address()}
    assert len(seen) == 3
