// Microsoft's Go snippet of `synchronization: acquireAccessToken`, for both kinds of target:
// https://learn.microsoft.com/graph/api/synchronization-synchronization-acquireaccesstoken
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	kiotahttp "github.com/microsoft/kiota-http-go"
	msgraphsdk "github.com/microsoftgraph/msgraph-sdk-go"
	msgraphcore "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go-core/authentication"
	graphapplications "github.com/microsoftgraph/msgraph-sdk-go/applications"
	graphmodels "github.com/microsoftgraph/msgraph-sdk-go/models"
	graphserviceprincipals "github.com/microsoftgraph/msgraph-sdk-go/serviceprincipals"
)

const (
	sdk      = "github.com/microsoftgraph/msgraph-sdk-go"
	identity = "github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	trusting, err := transport(os.Getenv("ENTRA_PROVISIONING_CA_FILE"))
	if err != nil {
		return err
	}
	graphClient, err := client(os.Getenv("ENTRA_PROVISIONING_GRAPH_ENDPOINT"), trusting)
	if err != nil {
		return err
	}

	forServicePrincipal := graphserviceprincipals.NewItemSynchronizationAcquireAccessTokenPostRequestBody()
	forServicePrincipal.SetCredentials(credentials())
	err = graphClient.ServicePrincipals().ByServicePrincipalId(os.Getenv("SERVICE_PRINCIPAL_ID")).
		Synchronization().AcquireAccessToken().Post(ctx, forServicePrincipal, nil)
	if err != nil {
		return err
	}

	forApplication := graphapplications.NewItemSynchronizationAcquireAccessTokenPostRequestBody()
	forApplication.SetCredentials(credentials())
	err = graphClient.Applications().ByApplicationId(os.Getenv("APPLICATION_ID")).
		Synchronization().AcquireAccessToken().Post(ctx, forApplication, nil)
	if err != nil {
		return err
	}

	return json.NewEncoder(os.Stdout).Encode(map[string]string{
		"language": "Go", "sdk": version(sdk), "identity": version(identity),
	})
}

func credentials() []graphmodels.SynchronizationSecretKeyStringValuePairable {
	return []graphmodels.SynchronizationSecretKeyStringValuePairable{
		pair(graphmodels.BASEADDRESS_SYNCHRONIZATIONSECRET, os.Getenv("BASE_ADDRESS")),
		pair(graphmodels.SECRETTOKEN_SYNCHRONIZATIONSECRET, os.Getenv("SECRET_TOKEN")),
	}
}

func pair(
	key graphmodels.SynchronizationSecret, value string,
) graphmodels.SynchronizationSecretKeyStringValuePairable {
	pair := graphmodels.NewSynchronizationSecretKeyStringValuePair()
	pair.SetKey(&key)
	pair.SetValue(&value)
	return pair
}

func client(endpoint string, trusting *http.Transport) (*msgraphsdk.GraphServiceClient, error) {
	credential, err := azidentity.NewClientSecretCredential(
		os.Getenv("AZURE_TENANT_ID"),
		os.Getenv("AZURE_CLIENT_ID"),
		os.Getenv("AZURE_CLIENT_SECRET"),
		&azidentity.ClientSecretCredentialOptions{
			ClientOptions: azcore.ClientOptions{
				Cloud: cloud.Configuration{
					ActiveDirectoryAuthorityHost: os.Getenv("ENTRA_PROVISIONING_AUTHORITY_HOST"),
				},
				Transport: &http.Client{Transport: trusting},
			},
			DisableInstanceDiscovery: true,
		},
	)
	if err != nil {
		return nil, err
	}
	parsed, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	provider, err := authentication.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(
		credential, []string{endpoint + "/.default"}, []string{parsed.Hostname()},
	)
	if err != nil {
		return nil, err
	}
	options := msgraphsdk.GetDefaultClientOptions()
	middleware := msgraphcore.GetDefaultMiddlewaresWithOptions(&options)
	adapter, err := msgraphsdk.NewGraphRequestAdapterWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		provider, nil, nil,
		&http.Client{Transport: kiotahttp.NewCustomTransportWithParentTransport(trusting, middleware...)},
	)
	if err != nil {
		return nil, err
	}
	adapter.SetBaseUrl(endpoint + "/v1.0")
	return msgraphsdk.NewGraphServiceClient(adapter), nil
}

func transport(caFile string) (*http.Transport, error) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(pem) {
		return nil, errors.New(caFile + " holds no certificate")
	}
	trusting := http.DefaultTransport.(*http.Transport).Clone()
	trusting.TLSClientConfig = &tls.Config{RootCAs: trusted}
	return trusting, nil
}

func version(module string) string {
	build, _ := debug.ReadBuildInfo()
	for _, dependency := range build.Deps {
		if dependency.Path == module {
			return strings.TrimPrefix(dependency.Version, "v")
		}
	}
	return ""
}
