"""A dynamic provider that does nothing: what the engine and Pulumi's SDK take for themselves."""

from typing import Any

from pulumi.dynamic import CreateResult, Resource, ResourceProvider, UpdateResult


class Nothing(Resource, name="Nothing"):
    """A resource that is nowhere."""


class NothingProvider(ResourceProvider):
    """Gives back what it gets."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """The inputs as outputs."""
        return CreateResult(props["servicePrincipalId"], props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """The inputs as outputs."""
        return UpdateResult(_news)
