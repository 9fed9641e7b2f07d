"""Which browser this is: a random cookie that works in a frame of another site, and means nothing to anybody else."""

import re
from secrets import token_urlsafe

from flask import request
from werkzeug.wrappers import Response

_FORM = re.compile(r"[A-Za-z0-9_-]{43}")


def browser_cookie(is_https: bool) -> str:
    """Its name. With the prefix, browsers take it from this very host only, over https."""
    return "__Host-second-opinion" if is_https else "second-opinion"


def known_browser(name: str) -> str:
    """What the browser sent; '' if it is none of ours."""
    sent = request.cookies.get(name, "")
    return sent if _FORM.fullmatch(sent) else ""


def new_browser() -> str:
    return token_urlsafe(32)


def remember(response: Response, name: str, browser: str) -> None:
    """Until the browser is closed. Chromium keeps a cookie in another site's frame only if it is partitioned (2026)."""
    response.set_cookie(name, browser, path="/", secure=True, httponly=True, samesite="None", partitioned=True)
