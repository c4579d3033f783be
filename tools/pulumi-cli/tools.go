//go:build tools

// Package tools pins the commands of the Pulumi CLI that a build from the Go module proxy needs.
package tools

import (
	_ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
	_ "github.com/pulumi/pulumi/sdk/v3/go/common/version"
)
