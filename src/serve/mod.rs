//! A bundle offered as a read-only registry and chart repository.
