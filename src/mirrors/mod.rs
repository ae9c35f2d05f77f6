//! The mapping of references to places inside, and container-engine configuration.
