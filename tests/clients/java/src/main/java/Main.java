import com.azure.core.credential.TokenCredential;
import com.azure.core.http.okhttp.OkHttpAsyncHttpClientBuilder;
import com.azure.identity.ClientSecretCredentialBuilder;
import com.microsoft.graph.core.authentication.AzureIdentityAuthenticationProvider;
import com.microsoft.graph.core.requests.BaseGraphRequestAdapter;
import com.microsoft.graph.core.requests.GraphClientFactory;
import com.microsoft.graph.models.SynchronizationSecret;
import com.microsoft.graph.models.SynchronizationSecretKeyStringValuePair;
import com.microsoft.graph.serviceclient.GraphServiceClient;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.List;
import java.util.Properties;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;
import okhttp3.OkHttpClient;

/**
 * Microsoft's Java snippet of `synchronization: acquireAccessToken`, for both kinds of target:
 * https://learn.microsoft.com/graph/api/synchronization-synchronization-acquireaccesstoken
 */
public class Main {
    public static void main(String[] arguments) throws IOException, GeneralSecurityException {
        GraphServiceClient graphClient =
                client(env("ENTRA_PROVISIONING_GRAPH_ENDPOINT"), trust(env("ENTRA_PROVISIONING_CA_FILE")));

        var forServicePrincipal =
                new com.microsoft.graph.serviceprincipals.item.synchronization.acquireaccesstoken
                        .AcquireAccessTokenPostRequestBody();
        forServicePrincipal.setCredentials(credentials());
        graphClient.servicePrincipals().byServicePrincipalId(env("SERVICE_PRINCIPAL_ID"))
                .synchronization().acquireAccessToken().post(forServicePrincipal);

        var forApplication =
                new com.microsoft.graph.applications.item.synchronization.acquireaccesstoken
                        .AcquireAccessTokenPostRequestBody();
        forApplication.setCredentials(credentials());
        graphClient.applications().byApplicationId(env("APPLICATION_ID"))
                .synchronization().acquireAccessToken().post(forApplication);

        System.out.printf(
                "{\"language\":\"Java\",\"sdk\":\"%s\",\"identity\":\"%s\"}%n",
                version("com.microsoft.graph/microsoft-graph"), version("com.azure/azure-identity"));
        // The SDK's threads would keep the process for another minute.
        System.exit(0);
    }

    private static List<SynchronizationSecretKeyStringValuePair> credentials() {
        return List.of(
                pair(SynchronizationSecret.BaseAddress, env("BASE_ADDRESS")),
                pair(SynchronizationSecret.SecretToken, env("SECRET_TOKEN")));
    }

    private static SynchronizationSecretKeyStringValuePair pair(SynchronizationSecret key, String value) {
        var pair = new SynchronizationSecretKeyStringValuePair();
        pair.setOdataType("microsoft.graph.synchronizationSecretKeyStringValuePair");
        pair.setKey(key);
        pair.setValue(value);
        return pair;
    }

    private static GraphServiceClient client(String endpoint, X509TrustManager trust)
            throws GeneralSecurityException {
        SSLContext tls = SSLContext.getInstance("TLS");
        tls.init(null, new TrustManager[] {trust}, null);
        OkHttpClient forTokens =
                new OkHttpClient.Builder().sslSocketFactory(tls.getSocketFactory(), trust).build();
        TokenCredential credential = new ClientSecretCredentialBuilder()
                .tenantId(env("AZURE_TENANT_ID"))
                .clientId(env("AZURE_CLIENT_ID"))
                .clientSecret(env("AZURE_CLIENT_SECRET"))
                .authorityHost(env("ENTRA_PROVISIONING_AUTHORITY_HOST"))
                .disableInstanceDiscovery()
                .httpClient(new OkHttpAsyncHttpClientBuilder(forTokens).build())
                .build();
        var provider = new AzureIdentityAuthenticationProvider(
                credential, new String[] {URI.create(endpoint).getHost()}, endpoint + "/.default");
        OkHttpClient forGraph = GraphClientFactory.create(GraphServiceClient.getGraphClientOptions())
                .sslSocketFactory(tls.getSocketFactory(), trust)
                .build();
        return new GraphServiceClient(
                new BaseGraphRequestAdapter(provider, endpoint + "/v1.0", forGraph));
    }

    private static X509TrustManager trust(String caFile) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream pem = Files.newInputStream(Path.of(caFile))) {
            store.setCertificateEntry(
                    "emulator", CertificateFactory.getInstance("X.509").generateCertificate(pem));
        }
        TrustManagerFactory factory =
                TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        return (X509TrustManager) factory.getTrustManagers()[0];
    }

    private static String version(String artifact) throws IOException {
        var properties = new Properties();
        try (InputStream stream =
                Main.class.getResourceAsStream("/META-INF/maven/" + artifact + "/pom.properties")) {
            properties.load(stream);
        }
        return properties.getProperty("version");
    }

    private static String env(String name) {
        return System.getenv(name);
    }
}
