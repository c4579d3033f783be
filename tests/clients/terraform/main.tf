# The provider takes its identity and the cloud's metadata host from the ARM_ variables.
terraform {
  required_providers {
    azuread = {
      source  = "hashicorp/azuread"
      version = "3.9.0"
    }
  }
}

variable "secret_token" {
  type      = string
  sensitive = true
}

data "azuread_client_config" "current" {}

data "azuread_application_template" "custom" {
  template_id = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
}

resource "azuread_application" "contoso" {
  display_name = "Contoso HR"
  template_id  = data.azuread_application_template.custom.template_id
  owners       = [data.azuread_client_config.current.object_id]
}

resource "azuread_service_principal" "contoso" {
  client_id    = azuread_application.contoso.client_id
  use_existing = true
  owners       = [data.azuread_client_config.current.object_id]
}

resource "azuread_synchronization_secret" "contoso" {
  service_principal_id = azuread_service_principal.contoso.id

  credential {
    key   = "BaseAddress"
    value = "https://contoso.example/scim"
  }
  credential {
    key   = "SecretToken"
    value = var.secret_token
  }
}

resource "azuread_synchronization_job" "contoso" {
  service_principal_id = azuread_service_principal.contoso.id
  template_id          = "scim"
  enabled              = true
  depends_on           = [azuread_synchronization_secret.contoso]
}

output "service_principal" {
  value = azuread_service_principal.contoso.object_id
}
