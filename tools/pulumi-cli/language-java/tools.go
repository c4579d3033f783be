//go:build tools

// Package tools pins Pulumi's Java language host for a build from the Go module proxy.
package tools

import _ "github.com/pulumi/pulumi-java/pkg/cmd/pulumi-language-java"
