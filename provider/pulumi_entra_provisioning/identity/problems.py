"""The problems with the settings of a run, collected so that one error reports all of them."""

from __future__ import annotations

from ..remedies import Explained


class Problems:
    """The problems found so far, each with the heading of docs/errors.md that explains its kind.

    A text names the setting, what is wrong and where to set it. It holds no value of a setting.
    """

    def __init__(self) -> None:
        self.found: list[Explained] = []

    def missing(self, text: str) -> None:
        """Add a setting that another one needs."""
        self.found.append(Explained(text, "a-setting-is-missing"))

    def invalid(self, text: str) -> None:
        """Add a setting with a value that is not of its form."""
        self.found.append(Explained(text, "a-setting-has-an-invalid-value"))

    def conflict(self, text: str) -> None:
        """Add two settings, or two places of one setting, that contradict each other."""
        self.found.append(Explained(text, "two-settings-conflict"))

    def unusable_file(self, text: str) -> None:
        """Add a setting whose file cannot be read or does not hold what it should."""
        self.found.append(Explained(text, "a-file-cannot-be-used"))
