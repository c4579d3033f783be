# What `make quickstart` runs inside `entra-emulator run`, which has set the tenant and the client.
# The state is a file, the passphrase is no secret: nothing here leaves this machine.
set -eu
export PULUMI_BACKEND_URL="file://$PWD/.quickstart" PULUMI_CONFIG_PASSPHRASE=quickstart

pulumi stack select --create quickstart
pulumi config set-all \
    --plaintext servicePrincipalId=00000000-0000-4000-8000-00000000051d \
    --plaintext applicationId=00000000-0000-4000-8000-00000000a991 \
    --plaintext oauthBaseAddress=https://m-files.example/scim \
    --plaintext oauthExchangeUri=https://m-files.example/token \
    --plaintext oauthClientId=contoso \
    --plaintext scimBaseAddress=https://scim.contoso.example/v2 \
    --secret oauthClientSecret=quickstart-client-secret \
    --secret scimToken=quickstart-bearer-token
pulumi up --yes --skip-preview
