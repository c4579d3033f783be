"""The way to a service and back: proxies, certificate authorities and the size of answers."""
