//go:build tools

// Package tools pins Pulumi's Go language host for a build from the Go module proxy.
// v3.66.0 is the last release of the sdk module that holds the host.
package tools

import _ "github.com/pulumi/pulumi/sdk/v3/go/pulumi-language-go"
