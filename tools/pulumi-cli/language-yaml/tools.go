//go:build tools

// Package tools pins Pulumi's YAML language host for a build from the Go module proxy.
package tools

import _ "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml"
