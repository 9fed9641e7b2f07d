"""The timeline and the scores as the charts' scripts read them: plain JSON, with the words for hover and keys."""

from typing import Any

from second_opinion.plain_words import spoken_date
from smart_app.review.courses import Mark
from smart_app.review.scores import Point, Series
from smart_app.review.timeline import Timeline
from smart_app.review.wording import WORDING

_SOURCES = 3


def chart_of(timeline: Timeline, series: tuple[Series, ...], as_of: str) -> dict[str, Any]:
    return {
        "first": timeline.first.isoformat(),
        "last": timeline.last.isoformat(),
        "today": as_of,
        "planned": timeline.planned and timeline.planned.isoformat(),
        "plannedLabel": timeline.planned_label,
        "lastOperation": timeline.last_operation and timeline.last_operation.isoformat(),
        "rows": [{"lane": row.lane, "name": row.name, "marks": row.marks} for row in timeline.rows],
        "marks": [_mark(mark) for mark in timeline.marks],
        "series": [_series(each) for each in series if each.points],
    }


def _mark(mark: Mark) -> dict[str, Any]:
    return {
        "lane": mark.lane,
        "state": mark.state,
        "first": mark.first and mark.first.isoformat(),
        "last": mark.last and mark.last.isoformat(),
        "count": mark.count,
        "label": mark.label,
        "says": _says(mark),
    }


def _says(mark: Mark) -> list[str]:
    """Line by line: what; when and how it stands; who; from which resources."""
    stands = WORDING["states_of_care"][mark.state] + (f", {mark.count} times" if mark.count > 1 else "")
    more = f" and {len(mark.sources) - _SOURCES} more" if len(mark.sources) > _SOURCES else ""
    lines = [mark.label, f"{mark.when}: {stands}", mark.note, mark.by, ", ".join(mark.sources[:_SOURCES]) + more]
    return [line for line in lines if line]


def _series(series: Series) -> dict[str, Any]:
    band = series.band
    return {
        "name": series.name,
        "short": series.short,
        "most": series.most,
        "lowerIsBetter": series.lower_is_better,
        "points": [
            {"on": point.on.isoformat(), "value": point.value, "says": _point_says(series, point)}
            for point in series.points
            if point.on
        ],
        "band": band and {"start": band.start, "better": band.better, "from": band.on.isoformat()},
        "operations": [around.on.isoformat() for around in series.around],
    }


def _point_says(series: Series, point: Point) -> list[str]:
    return [f"{series.name}: {point.value:g} of {series.most:g}", spoken_date(point.on, point.rough), point.source]
