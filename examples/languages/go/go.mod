module directory

go 1.25.11

require (
	github.com/example/pulumi-entra-provisioning/sdk/go v0.1.0
	github.com/pulumi/pulumi/sdk/v3 v3.250.0
)

replace github.com/example/pulumi-entra-provisioning/sdk/go => ../../../sdk/go
