// Command sdks generates the SDKs of the provider plugin from its schema, with the generators of
// Pulumi's language hosts. `make sdks` runs it.
package main

import (
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi-java/pkg/codegen/java"
	"github.com/pulumi/pulumi/pkg/v3/codegen/dotnet"
	gogen "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// The name in the header of each file.
const tool = "`make sdks`"

type files = map[string][]byte

var generators = map[string]func(*schema.Package) (files, error){
	"nodejs": func(pkg *schema.Package) (files, error) {
		return nodejs.GeneratePackage(tool, pkg, nil, nil, false, nil)
	},
	"python": func(pkg *schema.Package) (files, error) {
		return python.GeneratePackage(tool, pkg, nil, nil)
	},
	"go":     generateGo,
	"java":   generateJava,
	"dotnet": generateDotnet,
}

func generateGo(pkg *schema.Package) (files, error) {
	generated, err := gogen.GeneratePackage(tool, pkg, nil)
	if err != nil {
		return nil, err
	}
	// The generated code does not compile with the version that the generator requires.
	const required, needed = "sdk/v3 v3.30.0", "sdk/v3 v3.143.0"
	module := string(generated["go.mod"])
	if !strings.Contains(module, required) {
		return nil, fmt.Errorf("go.mod does not require %s", required)
	}
	generated["go.mod"] = []byte(strings.Replace(module, required, needed, 1))
	return generated, nil
}

//go:embed pom.xml
var pom string

// With a pom.xml for Maven in the place of the generator's files for Gradle.
func generateJava(pkg *schema.Package) (files, error) {
	generated, err := java.GeneratePackage(tool, pkg, nil, nil, false, false)
	if err != nil {
		return nil, err
	}
	info := pkg.Language["java"].(*java.PackageInfo)
	generated["pom.xml"] = []byte(strings.NewReplacer(
		"GROUP", strings.TrimSuffix(info.BasePackageOrDefault(), "."),
		"NAME", pkg.Name,
		"VERSION", pkg.Version.String(),
		"DESCRIPTION", pkg.Description,
		"REPOSITORY", pkg.Repository,
	).Replace(pom))
	return generated, nil
}

// The generator downloads the logo.
func generateDotnet(pkg *schema.Package) (files, error) {
	logo, err := filepath.Abs("logo.png")
	if err != nil {
		return nil, err
	}
	http.DefaultTransport.(*http.Transport).RegisterProtocol("file", http.NewFileTransport(http.Dir("/")))
	pkg.LogoURL = "file://" + logo
	return dotnet.GeneratePackage(tool, pkg, nil, nil)
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: sdks SCHEMA FOLDER")
		os.Exit(2)
	}
	if err := generate(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "sdks:", err)
		os.Exit(1)
	}
}

func generate(schemaFile, folder string) error {
	source, err := os.ReadFile(schemaFile)
	if err != nil {
		return err
	}
	for language, generator := range generators {
		// A generator changes the package that it is given.
		pkg, err := bind(source)
		if err != nil {
			return err
		}
		generated, err := generator(pkg)
		if err != nil {
			return fmt.Errorf("%s: %w", language, err)
		}
		if err := write(generated, filepath.Join(folder, language)); err != nil {
			return err
		}
	}
	// By which a test without Go sees that the SDKs are those of the schema.
	checksum := fmt.Sprintf("%x\n", sha256.Sum256(source))
	return os.WriteFile(filepath.Join(folder, "schema.sha256"), []byte(checksum), 0o644)
}

func bind(source []byte) (*schema.Package, error) {
	var spec schema.PackageSpec
	if err := json.Unmarshal(source, &spec); err != nil {
		return nil, err
	}
	return schema.ImportSpec(spec, nil, schema.ValidationOptions{})
}

func write(generated files, folder string) error {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	for name, content := range generated {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
