"""Reads an entry whose types are off, field by field from plain JSON: what is right is kept, the rest is named."""

from functools import lru_cache
from math import isfinite
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from msgspec import NODEFAULT, DecodeError, Raw, Struct, ValidationError, convert, json
from msgspec.structs import fields

from second_opinion.from_fhir.shapes import Coding

Shape = TypeVar("Shape", bound=Struct)
_UNIMPORTANT = {"meta", "identifier"}  # losing these loses no care


def mended(kind: type[Shape], raw: bytes | Raw) -> tuple[Shape, tuple[str, ...]]:
    """The shape as far as it could be read, and the elements that could not ('activity.detail.status')."""
    try:
        plain = json.decode(raw)
    except DecodeError:  # a number out of range: the rest cannot be had either
        return kind(), ("its JSON",)
    lost: list[str] = []
    shape = _struct(kind, plain if isinstance(plain, dict) else {}, "", lost)
    return shape, tuple(dict.fromkeys(name for name in lost if name.partition(".")[0] not in _UNIMPORTANT))


@lru_cache
def _elements(kind: type[Struct]) -> tuple[tuple[str, str, Any], ...]:
    """(attribute, JSON name, type without None) of each field."""
    hints = get_type_hints(kind)
    return tuple((element.name, element.encode_name, _without_none(hints[element.name])) for element in fields(kind))


def _without_none(hint: Any) -> Any:
    if get_origin(hint) is UnionType:
        (hint,) = (part for part in get_args(hint) if part is not NoneType)
    return hint


def _struct(kind: type[Shape], plain: dict[str, Any], where: str, lost: list[str]) -> Shape:
    read = {}
    for attribute, name, hint in _elements(kind):
        if plain.get(name) is not None:
            read[attribute] = _value(hint, plain[name], f"{where}.{name}".lstrip("."), lost)
    return kind(**{name: value for name, value in read.items() if value is not NODEFAULT})


def _value(hint: Any, plain: Any, where: str, lost: list[str]) -> Any:
    """The value, mended where that is safe: a lone item for a list, a list of one for an item, 22612 for '22612'."""
    if hint is Raw:
        return Raw(json.encode(plain))
    if get_origin(hint) is list:
        (inner,) = get_args(hint)
        items = plain if isinstance(plain, list) else [plain]
        read = [_value(inner, item, where, lost) for item in items if item is not None or inner is Raw]
        return [item for item in read if item is not NODEFAULT]
    if isinstance(plain, list) and len(plain) == 1 and hint is not Coding:  # in R5 a list says something else
        plain = plain[0]
    if isinstance(hint, type) and issubclass(hint, Struct) and isinstance(plain, dict):
        return _struct(hint, plain, where, lost)
    if hint is str and isinstance(plain, int | float) and not isinstance(plain, bool):
        return str(int(plain)) if isinstance(plain, float) and plain.is_integer() else str(plain)
    try:
        value = convert(plain, hint, strict=False)
    except ValidationError:
        value = NODEFAULT
    if value is NODEFAULT or (isinstance(value, float) and not isfinite(value)):
        lost.append(where)
        return NODEFAULT
    return value
