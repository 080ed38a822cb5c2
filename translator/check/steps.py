"""Steps, one after the other, each passed, failed or skipped."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec


class ProbeError(Exception):
    """A call got no answer that could be read. The message says what happened instead."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. ``found`` may be empty where there is nothing worth telling."""

    ok: bool
    found: str = ""
    hint: str = ""


class Result(msgspec.Struct, frozen=True):
    """What became of one step.

    Attributes:
        name: the step's.
        ok: None where it was skipped.
        found: what was found, or why it was skipped.
        hint: how to put it right, where it failed.
    """

    name: str
    ok: bool | None
    found: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to test.

    Attributes:
        name: what it is called, once in a list.
        check: finds out; may raise ProbeError.
        hint: what to do when ``check`` raised.
        missing: the first option that it needs and that was not given, or None.
        needs: names of earlier steps; when one of them failed, there is no point in this one.
    """

    name: str
    check: Callable[[], Finding]
    hint: str = ""
    missing: str | None = None
    needs: tuple[str, ...] = ()


def run_steps(steps: Iterable[Step]) -> list[Result]:
    """Take the steps in their order.

    One that was skipped for want of an option stops nothing that needs it; one that failed, or was
    skipped because another failed, does.
    """
    results = []
    broken: dict[str, str] = {}  # a step that stops its dependants: the step that failed
    for step in steps:
        cause = next((broken[name] for name in step.needs if name in broken), None)
        if step.missing:
            result = Result(step.name, None, f"{step.missing} was not given")
        elif cause:
            broken[step.name] = cause
            result = Result(step.name, None, f'"{cause}" failed')
        else:
            result = _take(step)
            if not result.ok:
                broken[step.name] = step.name
        results.append(result)
    return results


def _take(step: Step) -> Result:
    try:
        finding = step.check()
    except ProbeError as error:
        finding = Finding(ok=False, found=str(error), hint=step.hint)
    return Result(
        step.name,
        finding.ok,
        printable(finding.found) or None,
        None if finding.ok else finding.hint or None,
    )


def printable(text: str, limit: int = 300) -> str:
    """``text`` from elsewhere, on one line and without what a terminal would act on."""
    line = "".join(sign if sign.isprintable() else " " for sign in text)
    return line if len(line) <= limit else f"{line[:limit]}..."
