"""The service as an OpenAPI 3.1 document at /openapi.json: openapi.yaml, with a path for each hook we answer."""

from importlib.resources import files
from typing import Any

import yaml
from flask import Flask, Response, current_app
from msgspec import json
from werkzeug.exceptions import HTTPException

from cds_hooks.services import discovery

Json = dict[str, Any]
_TEXT = files("plugin").joinpath("openapi.yaml").read_text("utf-8")


def serve_document(app: Flask, base_url: str) -> None:
    """Adds /openapi.json. It tells of the paths that the application has once all doors are on it."""

    @app.get("/openapi.json", endpoint="openapi")
    def openapi() -> Response:
        return Response(json.encode(document(current_app, base_url)), mimetype="application/json")


def document(app: Flask, base_url: str) -> Json:
    """The document for one application at one address."""
    described: Json = yaml.load(_TEXT, yaml.CSafeLoader)
    described["servers"] = [{"url": base_url}]
    for_all_hooks = described["components"].pop("service")
    services = discovery()["services"]
    described["components"]["schemas"]["Service"]["enum"] = [service["id"] for service in services]
    paths = described["paths"] | {
        f"/cds-services/{service['id']}": {"post": _operation(service) | for_all_hooks} for service in services
    }
    described["paths"] = {path: told for path, told in paths.items() if _has(app, path, *told)}
    return described


def _operation(service: Json) -> Json:
    hook = service["hook"]
    schemas = "#/components/schemas"
    asked = {
        "allOf": [{"$ref": f"{schemas}/Request"}],
        "type": "object",
        "properties": {"hook": {"const": hook}, "context": {"$ref": f"{schemas}/{hook}"}},
    }
    return {
        "operationId": hook,
        "summary": service["title"],
        "description": service["description"],
        "requestBody": {"required": True, "content": {"application/json": {"schema": asked}}},
    }


def _has(app: Flask, path: str, method: str) -> bool:
    try:
        app.url_map.bind("").match(path, method.upper())
    except HTTPException:
        return False
    return True
