# The provider takes its identity and the cloud's metadata host from the ARM_ variables.
terraform {
  required_providers {
    azuread = {
      source  = "hashicorp/azuread"
      version = "~> 3.9"
    }
  }
}

locals {
  inputs = jsondecode(file("inputs.json"))
}

resource "azuread_synchronization_secret" "authorization" {
  count                = length(local.inputs)
  service_principal_id = "/servicePrincipals/${local.inputs[count.index][0]}"

  credential {
    key   = "BaseAddress"
    value = "https://scim.example/v2"
  }
  credential {
    key   = "SecretToken"
    value = local.inputs[count.index][1]
  }
}
