"""What the user reads when it fails.

ProvisioningError
├── SettingsError   could not try: a setting is missing or unusable, nothing was sent
├── SignInError     tried: Microsoft Entra gave no token, so Microsoft Graph was not called
└── RequestError    tried: Microsoft Graph refused, or gave no answer
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .answers import Answer
from .remedies import CODE_SPENT, REMEDIES, SIGN_IN_REMEDIES, remedy_for


class ProvisioningError(Exception):
    """Anything that this package raises on purpose. Its text holds no value of a credential.

    `outputs` is what to record of the resource although the step failed: Graph may have carried a
    call of it out.
    """

    # In every class here: what is public is read by the name under which it is imported.
    __module__ = __package__

    outputs: Mapping[str, Any] | None = None


class SettingsError(ProvisioningError):
    """Could not try: a setting is missing or unusable. Nothing was sent.

    `problems` has one sentence for each setting: its name, what is wrong, where to put it.
    """

    __module__ = __package__

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(self.problems))


class SignInError(ProvisioningError):
    """Microsoft Entra gave the caller no token: Microsoft Graph was not called."""

    __module__ = __package__

    def __init__(self, doing: str, answer: Answer) -> None:
        self.answer = answer
        super().__init__(f"{doing}: {answer}. {remedy_for(answer, SIGN_IN_REMEDIES)}")


class RequestError(ProvisioningError):
    """Tried, and refused or not answered.

    `doing` says what was being done to what, `answer` what Microsoft Graph said; `code_at_stake`
    that the call carried an authorization code, which works once. `remedy` says more exactly than
    REMEDIES what to do.
    """

    __module__ = __package__

    def __init__(
        self, doing: str, answer: Answer, *, code_at_stake: bool = False, remedy: str = ""
    ) -> None:
        self.doing = doing
        self.answer = answer
        found = remedy_for(answer, REMEDIES)
        sentences = [str(found._replace(text=remedy) if remedy else found)]
        if code_at_stake and answer.may_have_acted:
            sentences.append(CODE_SPENT)
        super().__init__(f"{doing}: {answer}. {' '.join(sentences)}")
