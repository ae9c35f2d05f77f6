//! YAML and JSON exactly as Helm's Go libraries read and write them.
