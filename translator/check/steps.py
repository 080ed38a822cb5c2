"""Steps that run in order; each passes, fails or is skipped."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec


class ProbeError(Exception):
    """A call got no readable response. The message says what happened."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check. ``found`` is empty if there are no details."""

    ok: bool
    found: str = ""
    hint: str = ""


class Result(msgspec.Struct, frozen=True):
    """The result of one step.

    Attributes:
        name: the name of the step.
        ok: None if it was skipped.
        found: what was found, or why it was skipped.
        hint: how to fix it, if it failed.
    """

    name: str
    ok: bool | None
    found: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One check, its name and what it depends on.

    Attributes:
        name: unique in a list of steps.
        check: runs the check; may raise ProbeError.
        hint: what to do if ``check`` raises.
        missing: a required option that was not given, or None.
        needs: names of earlier steps; if one of them failed, this step is skipped.
    """

    name: str
    check: Callable[[], Finding]
    hint: str = ""
    missing: str | None = None
    needs: tuple[str, ...] = ()


def run_steps(steps: Iterable[Step]) -> list[Result]:
    """Run the steps in order.

    A step is skipped if one it needs failed, or was skipped because of a failure. A step that was
    skipped because an option is missing does not affect others.
    """
    results = []
    broken: dict[str, str] = {}  # failed or skipped step: the step whose failure is the cause
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
    """``text`` from a server, on one line and without control characters."""
    line = "".join(sign if sign.isprintable() else " " for sign in text)
    return line if len(line) <= limit else f"{line[:limit]}..."
