"""How well and how fast patients' statements are read: precision and recall by stance, microseconds a sentence."""

import time
from importlib.resources import files
from typing import Any, get_args

import yaml

from second_opinion.statements import Stance, statements_in

ROUNDS = 5


def labelled() -> list[dict[str, Any]]:
    text = files("fixtures").joinpath("statements.yaml").read_text("utf-8")
    found: list[dict[str, Any]] = yaml.load(text, Loader=yaml.CSafeLoader)["statements"]
    return found


def counts(sentences: list[dict[str, Any]], stance: str) -> tuple[int, int, int]:
    """How many sentences were rightly, wrongly and not found to have the stance."""
    pairs = [
        (stance in sentence["stance"], any(found.stance == stance for found in statements_in(sentence["text"])))
        for sentence in sentences
    ]
    return pairs.count((True, True)), pairs.count((False, True)), pairs.count((True, False))


def microseconds(sentences: list[dict[str, Any]]) -> float:
    """CPU time a sentence, nothing remembered; the best of some rounds."""
    rounds = []
    for _ in range(ROUNDS):
        statements_in.cache_clear()
        start = time.process_time()
        for sentence in sentences:
            statements_in(sentence["text"])
        rounds.append(time.process_time() - start)
    return min(rounds) / len(sentences) * 1_000_000


def report() -> str:
    everything = labelled()
    held_out = [sentence for sentence in everything if sentence.get("held_out")]
    tuned = [sentence for sentence in everything if not sentence.get("held_out")]
    lines = [f"{'sentences':<16}{'stance':<22}{'right':>6}{'wrong':>6}{'missed':>7}{'precision':>11}{'recall':>8}"]
    for part, sentences in (("all", everything), ("tuned to", tuned), ("held out", held_out)):
        for stance in get_args(Stance):
            right, wrong, missed = counts(sentences, stance)
            precision, recall = right / max(1, right + wrong), right / max(1, right + missed)
            heading = f"{part} ({len(sentences)})"
            lines.append(f"{heading:<16}{stance:<22}{right:>6}{wrong:>6}{missed:>7}{precision:>11.2f}{recall:>8.2f}")
    return "\n".join([*lines, f"{microseconds(everything):.0f} microseconds a sentence"])
