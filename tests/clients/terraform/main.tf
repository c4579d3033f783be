# The provider takes its identity and the cloud's metadata host from the ARM_ variables.
terraform {
  required_providers {
    azuread = {
      source  = "hashicorp/azuread"
      version = "3.9.0"
    }
  }
}

variable "service_principal_id" {
  type = string
}

variable "secret_token" {
  type      = string
  sensitive = true
}

resource "azuread_synchronization_secret" "contoso" {
  service_principal_id = "/servicePrincipals/${var.service_principal_id}"

  credential {
    key   = "BaseAddress"
    value = "https://contoso.example/scim"
  }
  credential {
    key   = "SecretToken"
    value = var.secret_token
  }
}
