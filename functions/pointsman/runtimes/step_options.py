"""The options of a built-in step: texts, read as what they should be."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from pointsman.errors import INVALID_ARGUMENT, Failure, LoadError


class StepOptions:
    """Options of the step that the description has at `field`, and its file, if it has one."""

    def __init__(self, field: str, options: Mapping[str, str], file: Path | None = None) -> None:
        self.field = field
        self._options = options
        self._file = file

    def only(self, *known: str) -> None:
        """Raise LoadError where there is an option beside these."""
        unknown = sorted(set(self._options) - set(known))
        if unknown:
            there = f"there are {', '.join(known)}" if known else "the step has none"
            raise self.fault(unknown[0], f"is unknown; {there}")

    def text(self, name: str, default: str = "") -> str:
        """Return an option as it is."""
        return self._options.get(name, default)

    def choice(self, name: str, choices: Collection[str]) -> str:
        """Return one of the choices, the first where the option is absent; raises LoadError."""
        found = self.text(name) or next(iter(choices))
        if found not in choices:
            raise self.fault(name, f"must be one of {', '.join(choices)}")
        return found

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """Return a whole number within bounds; raises LoadError."""
        text = self.text(name) or str(default)
        if not text.isdecimal() or not least <= int(text) <= most:
            raise self.fault(name, f"must be a whole number from {least} to {most}")
        return int(text)

    def numbers(self, name: str) -> tuple[float, ...]:
        """Return numbers that stand between commas; raises LoadError."""
        try:
            return tuple(float(part) for part in self.names(name))
        except ValueError:
            raise self.fault(name, "must be numbers with commas between them") from None

    def names(self, name: str) -> tuple[str, ...]:
        """Return what stands between commas."""
        return tuple(part.strip() for part in self.text(name).split(",") if part.strip())

    def given(self) -> dict[str, str]:
        """Return all options."""
        return dict(self._options)

    def file(self, what: str) -> Path:
        """Return the step's file; raises LoadError where it has none."""
        if self._file is None:
            message = f"{self.field}.uri: give the step the file:///… URI of {what}"
            raise LoadError(Failure(INVALID_ARGUMENT, message, f"{self.field}.uri"))
        return self._file

    def fault(self, name: str, message: str) -> LoadError:
        """Return the error that says what is wrong with an option."""
        field = f"{self.field}.options.{name}"
        return LoadError(Failure(INVALID_ARGUMENT, f"{field}: {message}", field))
