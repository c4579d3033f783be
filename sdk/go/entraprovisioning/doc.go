// Authorize Microsoft Entra provisioning (acquireAccessToken).
package entraprovisioning
