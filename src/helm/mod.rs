//! Charts as data: loading, dependencies, values, capabilities, engine, manifests.
