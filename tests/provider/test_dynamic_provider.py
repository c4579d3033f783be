"""The dynamic provider on an unexpected error and on the end of its process."""

from __future__ import annotations

import pytest
from entra_emulator import Emulator
from pulumi.dynamic import Config, ConfigureRequest
from pulumi_entra_provisioning import ProvisioningAuthorizationProvider, ProvisioningError
from pulumi_entra_provisioning.lifecycle.operations import Lifecycle


@pytest.fixture
def provider(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> ProvisioningAuthorizationProvider:
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    configured = ProvisioningAuthorizationProvider()
    configured.configure(ConfigureRequest(Config({}, "project")))
    return configured


def test_an_unexpected_error_reports_its_place_without_its_text(
    provider: ProvisioningAuthorizationProvider,
) -> None:
    with pytest.raises(
        ProvisioningError, match=r"unexpected \w+ at \w+\.py:\d+\. This is a"
    ) as reported:
        provider.delete("id", {"target": ["pl4nted"]})
    assert "pl4nted" not in str(reported.value)
    assert reported.value.__cause__ is None
    assert reported.value.__suppress_context__


@pytest.mark.parametrize("ending", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_a_process_exit_in_one_step_does_not_stop_the_next(
    provider: ProvisioningAuthorizationProvider, ending: type[BaseException]
) -> None:
    async def ends(steps: Lifecycle) -> None:
        raise ending

    async def works(steps: Lifecycle) -> str:
        return "works"

    with pytest.raises(RuntimeError, match=ending.__name__):
        provider._run(ends)
    assert provider._run(works) == "works"
