"""What the user reads when it fails.

ProvisioningError
├── SettingsError   could not try: a setting or an input is missing or unusable, nothing was sent
├── SignInError     tried: Microsoft Entra gave no token, so Microsoft Graph was not called
└── RequestError    tried: Microsoft Graph refused, or gave no answer
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .answers import Answer
from .remedies import CODE_SPENT, REMEDIES, SIGN_IN_REMEDIES, Remedy, explained, remedy_for


class ProvisioningError(Exception):
    """The base of every error that this package raises. Its text holds no value of a credential.

    `outputs` is what to record of the resource although the step failed, because Graph may have
    carried out one of its calls.
    """

    # Users see the name under which they import the class, not this module's.
    __module__ = __package__

    outputs: Mapping[str, Any] | None = None


class SettingsError(ProvisioningError):
    """Could not try: a setting or an input is missing or unusable. Nothing was sent.

    `problems` has a text for each setting: its name, what is wrong, where to set it. `heading` is
    the heading of docs/errors.md that explains them.
    """

    __module__ = __package__

    def __init__(self, problems: Iterable[str], heading: str) -> None:
        self.problems = tuple(problems)
        self.heading = heading
        super().__init__(explained(" ".join(self.problems), heading))


class SignInError(ProvisioningError):
    """Microsoft Entra gave the caller no token: Microsoft Graph was not called."""

    __module__ = __package__

    def __init__(self, doing: str, answer: Answer) -> None:
        self.answer = answer
        super().__init__(f"{doing}: {answer}. {remedy_for(answer, SIGN_IN_REMEDIES)}")


class RequestError(ProvisioningError):
    """Tried: Microsoft Graph refused, or did not answer.

    `doing` is the operation and its target, `answer` is Graph's. With `code_at_stake` the call
    carried an authorization code, which works once. `remedy` replaces the text of the remedy that
    REMEDIES has for the answer, or the whole remedy.
    """

    __module__ = __package__

    def __init__(
        self, doing: str, answer: Answer, *, code_at_stake: bool = False, remedy: Remedy | str = ""
    ) -> None:
        self.doing = doing
        self.answer = answer
        found = remedy_for(answer, REMEDIES)
        if isinstance(remedy, Remedy):
            found = remedy
        elif remedy:
            found = found._replace(text=remedy)
        sentences = [str(found)]
        if code_at_stake and answer.may_have_acted:
            sentences.append(CODE_SPENT)
        super().__init__(f"{doing}: {answer}. {' '.join(sentences)}")
