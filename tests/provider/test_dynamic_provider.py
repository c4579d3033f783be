"""The dynamic provider where only a defect or the end of the process could bring it."""

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


def test_a_defect_is_reported_by_its_place_and_without_its_text(
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
def test_what_would_end_a_process_fails_one_step_and_not_the_next(
    provider: ProvisioningAuthorizationProvider, ending: type[BaseException]
) -> None:
    async def ends(steps: Lifecycle) -> None:
        raise ending

    async def works(steps: Lifecycle) -> str:
        return "works"

    with pytest.raises(RuntimeError, match=ending.__name__):
        provider._run(ends)
    assert provider._run(works) == "works"
