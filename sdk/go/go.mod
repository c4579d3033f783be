module github.com/example/pulumi-entra-provisioning/sdk/go

go 1.20

require github.com/pulumi/pulumi/sdk/v3 v3.143.0
