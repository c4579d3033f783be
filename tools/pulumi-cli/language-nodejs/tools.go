//go:build tools

// Package tools pins Pulumi's Node.js language host for a build from the Go module proxy.
// v3.68.0 is the last release of the sdk module that holds the host.
package tools

import _ "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs"
