# What `make quickstart` runs. The state is a file in .quickstart and the passphrase is no secret:
# nothing here leaves your machine.
set -eu
export PULUMI_BACKEND_URL="file://$PWD/.quickstart" PULUMI_CONFIG_PASSPHRASE=quickstart
mkdir -p .quickstart

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
entra-emulator run --state .quickstart/tenant.json -- pulumi up --yes --skip-preview

cat <<'NEXT'

What to do next:
  Run `make quickstart` again: nothing has changed, so Graph receives nothing.
  See the tenant in your browser: .venv/bin/entra-emulator serve --state .quickstart/tenant.json
  Run the program on your tenant: docs/configuration.md#run-the-quickstart-on-your-tenant
  Add the resource to your own program: README.md#install
NEXT
