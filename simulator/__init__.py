"""Callers and operators for a running product. Knows nothing but its front doors: HTTP, forms, signed webhooks."""
