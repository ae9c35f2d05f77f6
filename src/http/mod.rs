//! One HTTP client for all hosts: TLS, redirects, retries, budgets.
