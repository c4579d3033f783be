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
from .remedies import REMEDIES, SIGN_IN_REMEDIES, Explained, remedy_for


class ProvisioningError(Exception):
    """The base of every error that this package raises. Its text holds no value of a credential.

    `outputs` is what to record of the resource although the step failed, because Graph may have
    carried out one of its calls.
    """

    # Users see the name under which they import the class, not this module's.
    __module__ = __package__

    outputs: Mapping[str, Any] | None = None

    def then(self, sentence: str) -> str:
        """The text with another sentence, before the reference to docs/errors.md if it has one."""
        return f"{self} {sentence}"


class SettingsError(ProvisioningError):
    """Could not try: a setting or an input is missing or unusable. Nothing was sent.

    `problems` has a text for each setting or input: its name, what is wrong, where to set it.
    """

    __module__ = __package__

    def __init__(self, problems: Iterable[Explained]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(map(str, self.problems)))

    def then(self, sentence: str) -> str:
        """The problems with another sentence."""
        *others, last = self.problems
        return " ".join(map(str, [*others, last.then(sentence)]))


class _AnsweredError(ProvisioningError):
    """An error whose text follows its answer, which a later attempt may complete."""

    def __init__(self, doing: str, answer: Answer) -> None:
        self.doing = doing
        self.answer = answer
        super().__init__(doing, answer)

    def _remedy(self) -> Explained:
        raise NotImplementedError

    def _explained(self) -> Explained:
        remedy = self._remedy()
        return remedy._replace(text=f"{self.doing}: {self.answer}. {remedy.text}")

    def __str__(self) -> str:
        return str(self._explained())

    def then(self, sentence: str) -> str:
        return str(self._explained().then(sentence))


class SignInError(_AnsweredError):
    """Microsoft Entra gave the caller no token: Microsoft Graph was not called.

    `doing` names the caller, `answer` is Entra's. `remedy` replaces that of SIGN_IN_REMEDIES.
    """

    __module__ = __package__

    def __init__(self, doing: str, answer: Answer, remedy: Explained | None = None) -> None:
        super().__init__(doing, answer)
        self._given = remedy

    def _remedy(self) -> Explained:
        return self._given or remedy_for(self.answer, SIGN_IN_REMEDIES)


class RequestError(_AnsweredError):
    """Tried: Microsoft Graph refused, or did not answer.

    `doing` is the operation and its target, `answer` is Graph's. `remedy` replaces that of
    REMEDIES, or only its text. `if_carried_out` is a sentence for an answer after which Graph may
    have carried out the call.
    """

    __module__ = __package__

    def __init__(
        self,
        doing: str,
        answer: Answer,
        *,
        remedy: Explained | str = "",
        if_carried_out: str = "",
    ) -> None:
        super().__init__(doing, answer)
        self._given = remedy
        self._if_carried_out = if_carried_out

    def _remedy(self) -> Explained:
        found = remedy_for(self.answer, REMEDIES)
        if isinstance(self._given, Explained):
            found = self._given
        elif self._given:
            found = found._replace(text=self._given)
        if self._if_carried_out and self.answer.may_have_acted:
            found = found.then(self._if_carried_out)
        return found
